"""Pictures of products: uploaded, drawn anew and kept in the shop's storage; swept where no product takes them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce.pictures import MEDIA_TYPES, PictureStudio, new_name
from commerce.tools import Tools
from gateways.jobs import Handler, Job, Periodic, enqueue
from gateways.storage import Storage
from models.catalogue import ProductMedia
from models.database import Database
from models.ids import new_id

UNUSED_FOR = timedelta(days=1)
"""How long a picture may be on no product before it is deleted."""

SWEPT_AT_ONCE = 500

FILE_DELETE = "media.delete"

UNSUPPORTED = Refusal(
    RefusalCode.UNSUPPORTED_MEDIA, "This is no picture that can be shown: send a JPEG, PNG, WebP or AVIF.", ("file",)
)


@dataclass(frozen=True, slots=True)
class Gallery:
    """Where uploaded pictures go: `studio` draws them anew, `storage` keeps them, and `base_url` is how they are
    reached, without a slash at its end.
    """

    studio: PictureStudio
    storage: Storage
    base_url: str

    async def add(self, database: Database, content: bytes) -> UUID | Refusal:
        """Keeps the picture in a file's bytes, on no product yet. UNSUPPORTED_MEDIA; raises Busy and StorageFailed.

        The row is first: whatever happens next, a file without one, which nothing would ever sweep, is not left behind.
        """
        picture = await self.studio.draw(content)
        if picture is None:
            return UNSUPPORTED
        name, media_id = new_name(picture.extension), new_id()
        row = insert(ProductMedia).values(
            id=media_id,
            url=f"{self.base_url}/{name}",
            object_key=name,
            unused_since=func.now(),
            width=picture.width,
            height=picture.height,
        )
        await database.transact(lambda transaction: transaction.execute(row))
        await self.storage.put(name, picture.content, MEDIA_TYPES[picture.extension])
        return media_id


async def sweep_unused(tools: Tools) -> None:
    """Deletes pictures that no product has taken for a day; their files follow by jobs."""
    while await tools.database.transact(_sweep) == SWEPT_AT_ONCE:
        pass


async def _sweep(transaction: AsyncConnection) -> int:
    old = select(ProductMedia.id).where(ProductMedia.unused_since <= func.now() - UNUSED_FOR)
    old = old.order_by(ProductMedia.unused_since).limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
    gone = delete(ProductMedia).where(ProductMedia.id.in_(old)).returning(ProductMedia.object_key)
    names = (await transaction.scalars(gone)).all()
    for name in names:
        if name is not None:
            await enqueue(transaction, Job(FILE_DELETE, UUID(hex=name.partition(".")[0])))
    return len(names)


async def delete_file(tools: Tools, file_key: UUID) -> None:
    """Deletes the file whose name begins with the key: the row that knew its extension is gone."""
    for extension in MEDIA_TYPES:
        await tools.storage.delete(f"{file_key.hex}.{extension}")


HANDLERS: dict[str, Handler[Tools]] = {FILE_DELETE: delete_file}
PERIODIC = (Periodic("media.sweep_unused", timedelta(hours=1), sweep_unused),)
