"""Carts: whose they are, what is put in and taken out, and what becomes of one while its order is placed.

A cart is its account's, or that of whoever has its token; for everyone else, and while its order is placed, there is
none: NOT_FOUND, before any other refusal. Its prices are those of the moment (`commerce.basket`).
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Uuid, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.tokens import Kind, Token, new_token
from auth.viewer import Viewer
from commerce import cart_lines
from commerce.basket import Basket, LineDraft, of_loaded
from commerce.cart_access import owner_of
from commerce.cart_lines import LineChange
from commerce.cart_writing import END, Held, write
from commerce.goods import KeptLine, Loaded, Wanted, load, load_held
from models.cart import Cart
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.database import Database, Overtaken
from models.ids import new_id
from models.statement import Statement

T = TypeVar("T")

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such cart.", ("cartId",))

Outcome = Basket | list[Refusal]


@dataclass(frozen=True, slots=True)
class Created:
    """A new cart. `token` is for the one answer that shows it; an account's cart has none."""

    basket: Basket
    token: Token | None = field(repr=False)


# ---- what is in it


async def create(
    transaction: AsyncConnection,
    viewer: Viewer,
    currency: CurrencyCode,
    drafts: Sequence[LineDraft],
    channel: Channel,
) -> Created | list[Refusal]:
    """A new cart with these lines; a customer's own, else one with a token. Where a line is refused there is none."""
    held = Held(new_id(), owner_of(viewer), currency, 0)
    loaded, put = Loaded(currency, held.account_id, 0, (), {}, ()), list[KeptLine]()
    if drafts:
        loaded = await load(transaction, None, _wanted(drafts, held))
        put, refusals = cart_lines.grown(loaded, drafts)
        if refusals:
            return refusals
    token = None if held.account_id else new_token(Kind.CART)
    values: dict[str, Any] = {"id": held.cart_id, "account_id": held.account_id, "token_digest": token and token.digest}
    values |= {"version": 0 if put else 1, "channel": channel, "currency": currency, "expires_at": END}
    await transaction.execute(insert(Cart).values(values))
    if put:
        await write(transaction, held, put)
    return Created(_basket(loaded, held, put), token)


async def edit(database: Database, cart_id: UUID | None, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Runs `work`, an edit of a cart, which reads it and writes it in a statement each.

    Two that edit one cart at once have seldom to be told apart: the cart is not locked, but an edit that was overtaken
    is done again in its turn.
    """
    with suppress(Overtaken):
        return await database.at_once(work)

    async def in_turn(transaction: AsyncConnection) -> T:
        await _LOCKED.run(transaction, cart_id=cart_id)
        return await work(transaction)

    return await database.transact(in_turn)


_LOCKED = Statement(lambda: select(Cart.id).where(Cart.id == bindparam("cart_id", type_=Uuid)).with_for_update())


async def add(
    transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, drafts: Sequence[LineDraft]
) -> Outcome:
    """Puts lines in; one that differs from another in its quantity alone makes that grow. Two statements,
    and one more where `find` takes two.

    All or none. OUT_OF_STOCK for goods of which there is nothing; of others more may be asked for than there is.
    LIMIT_REACHED beyond a hundred lines, or 999 pieces of one. Raises Overtaken: see `edit`.
    """
    loaded = await find(transaction, viewer, cart_id, _wanted(drafts))
    if loaded is None:
        return [NOT_FOUND]
    put, refusals = cart_lines.grown(loaded, drafts)
    return refusals or await _write(transaction, cart_id, loaded, put)


async def change(
    transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, changes: Sequence[LineChange]
) -> Outcome:
    """Changes lines; what is not given stays, the price of now is taken as seen. Statements as for `add`. All or
    none.

    Raises Overtaken.
    """
    sets = [one.changes["measurement_set_id"] for one in changes if one.changes.get("measurement_set_id")]
    altered = any(one.changes.get("alterations") for one in changes)
    loaded = await find(transaction, viewer, cart_id, Wanted(measurement_set_ids=sets, altered=altered))
    if loaded is None:
        return [NOT_FOUND]
    put, refusals = cart_lines.changed(loaded, changes)
    removed = {one.line_id for one in changes if one.line_id is not None and not one.quantity}
    return refusals or await _write(transaction, cart_id, loaded, put, removed)


async def remove(
    transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, line_ids: Sequence[UUID | None]
) -> Outcome:
    """Takes lines out. Statements as for `add`. All or none. Raises Overtaken."""
    loaded = await find(transaction, viewer, cart_id, Wanted())
    if loaded is None:
        return [NOT_FOUND]
    removed, refusals = cart_lines.removed(loaded, line_ids)
    return refusals or await _write(transaction, cart_id, loaded, [], removed)


async def find(transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, wanted: Wanted) -> Loaded | None:
    """The viewer's cart and what is wanted beside it, as `goods.load` reads it. None: there is none."""
    try:
        return await load_held(transaction, viewer, cart_id, wanted)
    except LookupError:
        return None


async def _write(
    transaction: AsyncConnection,
    cart_id: UUID | None,
    loaded: Loaded,
    put: Sequence[KeptLine],
    removed: Collection[UUID] = (),
) -> Basket:
    held = held_by(loaded, cart_id)
    altered = {line.line_id for line in loaded.lines if line.draft.alterations}
    await write(transaction, held, put, removed, altered=altered)
    return _basket(loaded, held, put, removed)


def held_by(loaded: Loaded, cart_id: UUID | None) -> Held:
    """The cart that was found."""
    assert cart_id is not None
    assert loaded.version is not None
    return Held(cart_id, loaded.account_id, loaded.currency, loaded.version)


def _basket(loaded: Loaded, held: Held, put: Sequence[KeptLine], removed: Collection[UUID] = ()) -> Basket:
    """The basket as it is once this is written, which need not be read again."""
    now = replace(loaded, version=held.version + 1)
    return of_loaded(now, held.cart_id, cart_lines.all_of(loaded, put, removed))


def _wanted(drafts: Iterable[LineDraft], held: Held | None = None) -> Wanted:
    drafts = list(drafts)
    variants = [draft.variant_id for draft in drafts if draft.variant_id is not None]
    sets = [draft.measurement_set_id for draft in drafts if draft.measurement_set_id is not None]
    altered = any(draft.alterations for draft in drafts)
    return Wanted(variants, sets, None, held.currency if held else None, held.account_id if held else None, altered)


# ---- while its order is placed


async def release(transaction: AsyncConnection, order_id: UUID) -> None:
    """Gives back the cart of an order that was not placed after all, as it was."""
    cart = update(Cart).where(Cart.placing_id == order_id)
    await transaction.execute(cart.values(placing_id=None, expires_at=END))
