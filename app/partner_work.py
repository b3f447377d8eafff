"""What the commands about partners do to the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.partner_keys import IssuedKey, is_live
from auth.refusal import Refusal
from commerce import partner as partners
from migrations import runner
from models.database import Database
from models.partner import Partner, PartnerKey, PartnerStatus

T = TypeVar("T")


class RefusedError(Exception):
    """What a rule refuses, to be told as it is."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A key that is asked for. `extend`: its partner is given the scopes that it lacks."""

    name: str
    scopes: list[str]
    label: str
    expires_at: datetime | None
    extend: bool


async def issue(url: str, wish: Wish, progress: runner.Progress) -> tuple[str, list[str]]:
    """A new key, and what else was done for it. Raises RefusedError, and then nothing was."""
    return await _transact(url, progress, partial(_issue, wish=wish))


async def listing(url: str, progress: runner.Progress) -> list[Any]:
    """The partners by name, with the number of their keys that are live."""
    return await _transact(url, progress, _list)


async def _transact(url: str, progress: runner.Progress, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    await runner.upgrade(url, progress)
    database = Database(url, readers=1, writers=1)
    try:
        return await database.transact(work)
    finally:
        await database.close()


async def _issue(transaction: AsyncConnection, wish: Wish) -> tuple[str, list[str]]:
    known = await partners.find(transaction, wish.name)
    if known is None:
        partner_id = _made(await partners.create(transaction, wish.name, wish.scopes))
        notes = ["There was no partner of this name: it is made."]
    else:
        partner_id, notes = known.id, []
        lacking = sorted(set(wish.scopes) - set(known.scopes))
        if lacking and not wish.extend:
            raise RefusedError(f"the partner itself has not {', '.join(lacking)}; --extend gives it that")
        if lacking:
            _made(await partners.change(transaction, partner_id, {"scopes": [*known.scopes, *lacking]}))
            notes.append(f"The partner's keys may have {', '.join(lacking)} from now on.")
        if known.status == PartnerStatus.DISABLED:
            notes.append("The partner is disabled: the key is no good before that ends.")
    draft = partners.KeyDraft(wish.label, wish.scopes, wish.expires_at)
    key: IssuedKey = _made(await partners.issue_key(transaction, partner_id, draft))
    return key.text, notes


def _made(outcome: T | list[Refusal]) -> T:
    if isinstance(outcome, list):
        raise RefusedError("\n".join(refusal.message for refusal in outcome))
    return outcome


async def _list(transaction: AsyncConnection) -> list[Any]:
    keys = select(func.count()).where(PartnerKey.partner_id == Partner.id, is_live()).scalar_subquery()
    found = select(Partner.name, Partner.status, Partner.scopes, Partner.networks, keys.label("keys"))
    return list((await transaction.execute(found.order_by(Partner.name))).all())
