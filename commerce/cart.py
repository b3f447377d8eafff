"""Carts: whose they are, what is put in and taken out, and what becomes of one while its order is placed.

A cart is its account's, or that of whoever has its token; for everyone else, and while its order is placed, there is
none: NOT_FOUND, before any other refusal. Its prices are those of the moment (`commerce.basket`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, Uuid, and_, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.tokens import Kind, Token, new_token
from auth.viewer import Viewer, ViewerKind
from commerce import cart_lines
from commerce.basket import Basket, LineDraft, of_loaded
from commerce.cart_lines import LineChange
from commerce.cart_writing import END, Held, write
from commerce.goods import KeptLine, Loaded, Wanted, load
from models.cart import Cart
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.ids import new_id

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such cart.", ("cartId",))

Outcome = Basket | list[Refusal]


@dataclass(frozen=True, slots=True)
class Created:
    """A new cart. `token` is for the one answer that shows it; an account's cart has none."""

    basket: Basket
    token: Token | None = field(repr=False)


# ---- whose it is


def owner_of(viewer: Viewer) -> UUID | None:
    """Whose carts the viewer's are: a customer's; nobody's for all others, who hold theirs by token."""
    return viewer.account_id if viewer.kind is ViewerKind.CUSTOMER else None


def is_open(cart: Any) -> ColumnElement[bool]:
    """Neither over nor being ordered. `cart` has Cart's columns."""
    return and_(cart.expires_at > func.now(), cart.placing_id.is_(None))


async def lock(transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None) -> Held | None:
    """The viewer's cart, which nobody else changes until the transaction ends. One statement. None: there is none."""
    given = {"cart_id": cart_id, "account_id": owner_of(viewer), "digest": viewer.cart_digest}
    row = (await transaction.execute(_lock(), given)).one_or_none()
    return None if row is None else Held(row.id, row.account_id, CurrencyCode(row.currency), row.version)


@cache
def _lock() -> Any:
    held = (Cart.account_id == bindparam("account_id", type_=Uuid)) | (
        Cart.token_digest == bindparam("digest", type_=LargeBinary)
    )
    cart = select(Cart.id, Cart.account_id, Cart.currency, Cart.version)
    return cart.where(Cart.id == bindparam("cart_id", type_=Uuid), is_open(Cart), held).with_for_update()


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


async def add(
    transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, drafts: Sequence[LineDraft]
) -> Outcome:
    """Puts lines in; one that differs from another in its quantity alone makes that grow. Three statements.

    All or none. OUT_OF_STOCK for goods of which there is nothing; of others more may be asked for than there is.
    LIMIT_REACHED beyond a hundred lines, or 999 pieces of one.
    """
    held = await lock(transaction, viewer, cart_id)
    if held is None:
        return [NOT_FOUND]
    loaded = await load(transaction, held.cart_id, _wanted(drafts, held))
    put, refusals = cart_lines.grown(loaded, drafts)
    return refusals or await _write(transaction, held, loaded, put)


async def change(
    transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, changes: Sequence[LineChange]
) -> Outcome:
    """Changes lines; what is not given stays, the price of now is taken as seen. Three statements. All or none."""
    held = await lock(transaction, viewer, cart_id)
    if held is None:
        return [NOT_FOUND]
    sets = [one.changes["measurement_set_id"] for one in changes if one.changes.get("measurement_set_id")]
    loaded = await load(transaction, held.cart_id, Wanted(measurement_set_ids=sets))
    put, refusals = cart_lines.changed(loaded, changes)
    removed = {one.line_id for one in changes if one.line_id is not None and not one.quantity}
    return refusals or await _write(transaction, held, loaded, put, removed)


async def remove(
    transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, line_ids: Sequence[UUID | None]
) -> Outcome:
    """Takes lines out. Three statements. All or none."""
    held = await lock(transaction, viewer, cart_id)
    if held is None:
        return [NOT_FOUND]
    loaded = await load(transaction, held.cart_id, Wanted())
    removed, refusals = cart_lines.removed(loaded, line_ids)
    return refusals or await _write(transaction, held, loaded, [], removed)


async def _write(
    transaction: AsyncConnection,
    held: Held,
    loaded: Loaded,
    put: Sequence[KeptLine],
    removed: Collection[UUID] = (),
) -> Basket:
    await write(transaction, held, put, removed)
    return _basket(loaded, held, put, removed)


def _basket(loaded: Loaded, held: Held, put: Sequence[KeptLine], removed: Collection[UUID] = ()) -> Basket:
    """The basket as it is once this is written, which need not be read again."""
    now = replace(loaded, version=held.version + 1)
    return of_loaded(now, held.cart_id, cart_lines.all_of(loaded, put, removed))


def _wanted(drafts: Iterable[LineDraft], held: Held) -> Wanted:
    drafts = list(drafts)
    variants = [draft.variant_id for draft in drafts if draft.variant_id is not None]
    sets = [draft.measurement_set_id for draft in drafts if draft.measurement_set_id is not None]
    return Wanted(variants, sets, None, held.currency, held.account_id)


# ---- while its order is placed


async def release(transaction: AsyncConnection, order_id: UUID) -> None:
    """Gives back the cart of an order that was not placed after all, as it was."""
    cart = update(Cart).where(Cart.placing_id == order_id)
    await transaction.execute(cart.values(placing_id=None, expires_at=END))
