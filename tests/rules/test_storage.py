"""Storage of files: a folder of this machine and a bucket behave alike."""

import stat
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest

import gateways.storage
from gateways.storage import Storage, StorageFailed, is_name, open_storage
from tests.support.s3_server import Bucket, bucket_server

NAME = "0123456789abcdef" * 2 + ".jpg"
OTHER = "f" * 32 + ".webp"


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Bucket]:
    async with bucket_server() as (found, endpoint):
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Storage:
    return open_storage("s3://shop/pictures" if request.param == "bucket" else None, tmp_path)


async def test_file_is_kept_read_and_deleted(storage: Storage):
    assert await storage.get(NAME) is None
    await storage.put(NAME, b"first", "image/jpeg")
    await storage.put(OTHER, b"", "image/webp")
    assert (await storage.get(NAME), await storage.get(OTHER)) == (b"first", b"")
    await storage.delete(NAME)
    await storage.delete(NAME)
    assert (await storage.get(NAME), await storage.get(OTHER)) == (None, b"")


@pytest.mark.parametrize(
    "name", ["", "../secret", "a" * 32, f"{'A' * 32}.jpg", f"{'a' * 31}/.jpg", f"{NAME}\n", f"x/{NAME}"]
)
async def test_other_names_reach_nothing(storage: Storage, name: str):
    assert not is_name(name)
    with pytest.raises(ValueError, match="no name"):
        await storage.get(name)
    with pytest.raises(ValueError, match="no name"):
        await storage.put(name, b"", "image/jpeg")
    with pytest.raises(ValueError, match="no name"):
        await storage.delete(name)


async def test_folder_is_the_owners_alone(tmp_path: Path):
    await open_storage(None, tmp_path).put(NAME, b"x", "image/jpeg")
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "media").iterdir()] == [NAME]


async def test_bucket_is_told_what_kind_a_file_is_and_every_request_is_signed(bucket: Bucket, tmp_path: Path):
    await open_storage("s3://shop/pictures", tmp_path).put(NAME, b"x", "image/jpeg")
    assert bucket.objects == {f"/shop/pictures/{NAME}": (b"x", "image/jpeg")}
    assert bucket.signed == [True]
    assert not tmp_path.joinpath("media").exists()  # a look at a folder of the test's


async def test_bucket_that_is_away_is_a_failure_for_now(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gateways.storage, "RETRIES", {"max_retries": 0, "retry_timeout": timedelta(seconds=1)})
    bucket.broken = True
    storage = open_storage("s3://shop", tmp_path)
    for work in (storage.get(NAME), storage.put(NAME, b"x", "image/jpeg"), storage.delete(NAME)):
        with pytest.raises(StorageFailed) as raised:
            await work
        assert "127.0.0.1" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["", "s3://", "http://bucket", "file:///etc", "s3://key:secret@bucket", "s3://b/../c", "memory://"]
)
def test_other_addresses_are_no_storage(tmp_path: Path, url: str):
    with pytest.raises(ValueError, match="storage is"):
        open_storage(url, tmp_path)
