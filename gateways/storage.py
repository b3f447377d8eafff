"""Storage of files: a folder of this machine, or a bucket that speaks S3; obstore speaks to both.

A name is random and is never used for other content: what was read under it once may be kept for ever.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from gateways.failure import TemporaryFailure

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

FOLDER = "media"
PATIENCE = "10s"
# Plain HTTP only where the environment names such an endpoint: a bucket within one's own network.
CLIENT: "ClientConfig" = {"timeout": PATIENCE, "connect_timeout": PATIENCE, "allow_http": True}
RETRIES: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}

_NAME = re.compile(r"[0-9a-z]{32}\.[a-z]{3,4}")


class StorageFailed(TemporaryFailure):
    """The storage is away, full, or set up wrongly."""


class Storage(Protocol):
    """Where files lie. All of it raises StorageFailed, and ValueError for what is no name of ours."""

    async def put(self, name: str, content: bytes, media_type: str) -> None:
        """Keeps the content, whole or not at all."""
        ...

    async def get(self, name: str) -> bytes | None:
        """The content; None where there is none."""
        ...

    async def delete(self, name: str) -> None:
        """Deletes it, if it is there."""
        ...


class ObjectStorage:
    """Files in a store of obstore's. `typed`: the store keeps media types."""

    def __init__(self, store: "ObjectStore", *, typed: bool) -> None:
        self._store = store
        self._typed = typed

    async def put(self, name: str, content: bytes, media_type: str) -> None:
        _check(name)
        attributes = {"Content-Type": media_type} if self._typed else None
        try:
            await obstore.put_async(self._store, name, content, attributes=attributes)
        except (BaseError, OSError) as error:
            raise StorageFailed(type(error).__name__) from None

    async def get(self, name: str) -> bytes | None:
        _check(name)
        try:
            found = await obstore.get_async(self._store, name)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StorageFailed(type(error).__name__) from None

    async def delete(self, name: str) -> None:
        _check(name)
        try:
            await obstore.delete_async(self._store, name)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise StorageFailed(type(error).__name__) from None


def _check(name: str) -> None:
    if not is_name(name):
        raise ValueError("no name of a stored file")


def is_name(name: str) -> bool:
    """Whether a file may have this name: 32 letters and digits, and what kind it is."""
    return _NAME.fullmatch(name) is not None


def open_storage(url: str | None, home: Path) -> ObjectStorage:
    """A bucket where there is a URL for it, `s3://bucket/prefix`, else the folder `media` in the home.

    Keys, region and endpoint of a bucket are those of the environment that AWS's own tools read (`AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`). Raises ValueError for any other URL.
    """
    if url is None:
        folder = home / FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ObjectStorage(LocalStore(prefix=folder), typed=False)
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9/_-]*)?", url):
        raise ValueError("storage is s3://bucket or s3://bucket/prefix")
    store = S3Store.from_url(url, client_options=CLIENT, retry_config=RETRIES)
    return ObjectStorage(store, typed=True)
