"""What customers say of their taste, and how they want to be written to. All of it is their choice (P7, P27, P51)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import text
from commerce.account import VERSION_CONFLICT
from models.catalogue import Brand
from models.classification import Channel
from models.preference import BrandPreference, CommunicationPreference, Preference, SizePreference

MOST_OF_A_KIND = 50
WORD_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Size:
    """The size somebody buys of a garment, as they say it."""

    garment: str
    size: str


async def update_taste(
    transaction: AsyncConnection,
    account_id: UUID,
    changes: Mapping[str, Any],
    channel: Channel,
    *,
    expected_version: int | None = None,
) -> list[Refusal]:
    """Writes `sizes`, `brand_ids`, `interests` and `personalization`, as far as they are named.

    A list is all of its kind, and None empties it. VERSION_CONFLICT where there is another version than the expected
    one; a refusal leaves everything as it is. A brand's id that is None is no brand's, and NOT_FOUND.
    """
    if not await _lock(transaction, Preference, account_id, channel, expected_version):
        return [VERSION_CONFLICT]
    refused: list[Refusal] = []
    sizes = _sizes(changes.get("sizes") or (), refused)
    interests = _interests(changes.get("interests") or (), refused)
    brand_ids = await _brands(transaction, changes.get("brand_ids") or (), refused)
    if changes.get("personalization", True) is None:
        refused.append(Refusal(RefusalCode.REQUIRED, "Say yes or no.", ("personalization",)))
    if refused:
        return refused
    owned = {"account_id": account_id, "channel": channel}
    if "sizes" in changes:
        await _replace(transaction, SizePreference, owned, [{"garment": s.garment, "size": s.size} for s in sizes])
    if "brand_ids" in changes:
        await _replace(transaction, BrandPreference, owned, [{"brand_id": key} for key in brand_ids])
    kept: dict[str, Any] = {"interests": interests} if "interests" in changes else {}
    if "personalization" in changes:
        kept["personalization"] = changes["personalization"]
    await _write(transaction, Preference, account_id, kept)
    return []


async def update_communication(
    transaction: AsyncConnection,
    account_id: UUID,
    changes: Mapping[str, bool | None],
    channel: Channel,
    *,
    expected_version: int | None = None,
) -> list[Refusal]:
    """Writes by which ways marketing may come, as far as they are named; None is no. VERSION_CONFLICT as above."""
    if not await _lock(transaction, CommunicationPreference, account_id, channel, expected_version):
        return [VERSION_CONFLICT]
    wishes = {way: bool(wish) for way, wish in changes.items()}
    await _write(transaction, CommunicationPreference, account_id, wishes)
    return []


# ---- what may be said


def _sizes(given: Sequence[Size], refused: list[Refusal]) -> list[Size]:
    """The sizes in regular form, one a garment; what is wrong with them goes to `refused`."""
    found: dict[str, Size] = {}
    for at, typed in enumerate(_few(given, "sizes", refused)):
        garment = _word(typed.garment, ("sizes", str(at), "garment"), refused)
        size = _word(typed.size, ("sizes", str(at), "size"), refused)
        if garment is None or size is None:
            continue
        if garment.casefold() in found:
            message = "There is a size for this garment already."
            refused.append(Refusal(RefusalCode.INVALID, message, ("sizes", str(at), "garment")))
        found[garment.casefold()] = Size(garment, size)
    return list(found.values())


def _interests(given: Sequence[str], refused: list[Refusal]) -> list[str]:
    """The interests in regular form, each once, in the order they were given."""
    found: dict[str, str] = {}
    for at, typed in enumerate(_few(given, "interests", refused)):
        word = _word(typed, ("interests", str(at)), refused)
        if word is not None:
            found.setdefault(word.casefold(), word)
    return list(found.values())


async def _brands(transaction: AsyncConnection, given: Sequence[UUID | None], refused: list[Refusal]) -> list[UUID]:
    """The brands, each once."""
    keys = _few(given, "brandIds", refused)
    # Locked, so that none goes before it is written down.
    brands = select(Brand.id).where(Brand.id.in_([key for key in keys if key is not None]))
    known = set(await transaction.scalars(brands.with_for_update(read=True, key_share=True))) if keys else set()
    for at, key in enumerate(keys):
        if key not in known:
            refused.append(Refusal(RefusalCode.NOT_FOUND, "There is no such brand.", ("brandIds", str(at))))
    return sorted(known)


def _few(given: Sequence[Any], name: str, refused: list[Refusal]) -> Sequence[Any]:
    if len(given) <= MOST_OF_A_KIND:
        return given
    refused.append(Refusal(RefusalCode.LIMIT_REACHED, f"Name at most {MOST_OF_A_KIND}.", (name,)))
    return ()


def _word(typed: str, field: tuple[str, ...], refused: list[Refusal]) -> str | None:
    found = text.line(typed, field=field, limit=WORD_LIMIT, required=True)
    if isinstance(found, Refusal):
        refused.append(found)
        return None
    return found


# ---- writing


async def _lock(
    transaction: AsyncConnection, table: Any, account_id: UUID, channel: Channel, expected_version: int | None
) -> bool:
    """Makes the other writers of the account's row wait, and makes the row where there is none.

    False: it has another version than the expected one.
    """
    row = insert_or_skip(table).values(account_id=account_id, channel=channel)
    await transaction.execute(row.on_conflict_do_nothing())
    version = select(table.version).where(table.account_id == account_id).with_for_update()
    return expected_version in {None, await transaction.scalar(version)}


async def _replace(
    transaction: AsyncConnection, table: Any, owned: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    await transaction.execute(delete(table).where(table.account_id == owned["account_id"]))
    if rows:
        await transaction.execute(insert(table).values([{**owned, **row} for row in rows]))


async def _write(transaction: AsyncConnection, table: Any, account_id: UUID, values: Mapping[str, Any]) -> None:
    row = update(table).where(table.account_id == account_id)
    await transaction.execute(row.values(**values, version=table.version + 1))
