"""Writing a cart: whatever changes in it, by one statement, which counts as an edit and puts off its end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    SmallInteger,
    Text,
    Update,
    Uuid,
    and_,
    bindparam,
    column,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.cart_access import is_open
from commerce.goods import KeptLine
from models.cart import Cart, CartAlteration, CartLine
from models.catalogue import CurrencyCode
from models.database import Overtaken
from models.statement import Statement
from privacy.retention import RULES

LAST_POSITION = 2**15 - 1
"""Lines at the same place are in the order of their making."""

END = func.now() + RULES["cart"].period
"""When a cart ends that is changed now."""


@dataclass(frozen=True, slots=True)
class Held:
    """A cart as its row was when it was read."""

    cart_id: UUID
    account_id: UUID | None
    currency: CurrencyCode
    version: int


async def write(
    transaction: AsyncConnection,
    held: Held,
    put: Sequence[KeptLine],
    removed: Collection[UUID] = (),
    *,
    altered: Collection[UUID | None] = (),
) -> None:
    """Puts lines into the cart and takes others out. One statement. `altered` are lines that have had alterations.

    Raises Overtaken, and writes nothing, where the cart is not open at this version any more.
    """
    alterations = [(line.line_id, one.kind.value, one.note) for line in put for one in line.draft.alterations]
    given: dict[str, Any] = {}
    if removed:
        given["removed"] = list(removed)
    if put:
        given |= {
            "ids": [line.line_id for line in put],
            "positions": [min(line.position, LAST_POSITION) for line in put],
            "variants": [line.draft.variant_id for line in put],
            "quantities": [line.draft.quantity for line in put],
            "prices": [line.seen_price for line in put],
            "sets": [line.draft.measurement_set_id for line in put],
            "messages": [line.draft.gift_message for line in put],
        }
    alters = bool(alterations) or any(line.line_id in altered for line in put)
    if alters:
        # Those that are asked for no more go.
        ids, kinds, notes = zip(*alterations, strict=True) if alterations else ((), (), ())
        given |= {"altered": ids, "kinds": kinds, "notes": notes}
    statement = _statement(puts=bool(put), removes=bool(removed), alters=alters)
    await edit(transaction, statement, held, **given)


async def edit(transaction: AsyncConnection, statement: Statement, held: Held, **given: Any) -> None:
    """Runs a statement that answers a row where it has edited the cart: see `edited`.

    Raises Overtaken where somebody else has edited the cart, or it is over, since it was read.
    """
    if await statement.value(transaction, of_cart=held.cart_id, of_version=held.version, **given) is None:
        raise Overtaken


def edited() -> Update:
    """Counts an edit of the cart `of_cart` at `of_version`, and puts off its end; what else is written depends on it.

    Who reads a cart without locking it writes by this: of two that have read the same, one writes.
    """
    cart = update(Cart).where(Cart.id == _CART, Cart.version == _VERSION, is_open(Cart))
    return cart.values(version=Cart.version + 1, updated_at=func.now(), expires_at=END).returning(
        Cart.id, Cart.account_id
    )


# ---- the statement


_CART = bindparam("of_cart", type_=Uuid)
_VERSION = bindparam("of_version", type_=Integer)


@cache
def _statement(*, puts: bool, removes: bool, alters: bool) -> Statement:
    return Statement(lambda: _build(puts=puts, removes=removes, alters=alters))


def _build(*, puts: bool, removes: bool, alters: bool) -> Any:
    cart = edited().cte("edited")
    whole = select(cart.c.id)
    if removes:
        gone = delete(CartLine).where(CartLine.cart_id == cart.c.id, CartLine.id == func.any(_array("removed", Uuid)))
        whole = whole.add_cte(gone.cte("gone"))
    if puts:
        whole = whole.add_cte(_lines(cart).cte("put"))
    if alters:
        whole = whole.add_cte(_undone(cart).cte("undone"), _alterations(cart).cte("altered"))
    return whole


def _array(name: str, type_: Any) -> ColumnElement[Any]:
    return bindparam(name, type_=ARRAY(type_))


def _given(name: str, **columns: tuple[str, Any]) -> Any:
    """Rows of arrays that run side by side: by column, the array's name and the type of its items."""
    arrays = [_array(array, type_) for array, type_ in columns.values()]
    rows = func.unnest(*arrays).table_valued(*(column(one, type_) for one, (_, type_) in columns.items()))
    return rows.render_derived(name=name)


def _lines(cart: Any) -> Any:
    given = _given(
        "given",
        id=("ids", Uuid),
        position=("positions", SmallInteger),
        variant_id=("variants", Uuid),
        quantity=("quantities", Integer),
        seen_price=("prices", BigInteger),
        measurement_set_id=("sets", Uuid),
        gift_message=("messages", Text),
    )
    names = ["cart_id", "account_id", *(one.name for one in given.c)]
    lines = insert(CartLine).from_select(names, select(cart.c.id, cart.c.account_id, *given.c), include_defaults=False)
    changed = {name: getattr(lines.excluded, name) for name in names if name not in {"id", "variant_id"}}
    return lines.on_conflict_do_update(index_elements=[CartLine.id], set_=changed)


def _undone(cart: Any) -> Any:
    """Alterations of the lines that are not asked for any more."""
    kept = _given("kept", line_id=("altered", Uuid), kind=("kinds", Text))
    wanted = select(kept.c.line_id).where(
        and_(kept.c.line_id == CartAlteration.line_id, kept.c.kind == CartAlteration.kind)
    )
    return delete(CartAlteration).where(
        CartAlteration.line_id == func.any(_array("ids", Uuid)),
        select(cart.c.id).exists(),
        ~wanted.correlate(CartAlteration).exists(),
    )


def _alterations(cart: Any) -> Any:
    given = _given("noted", line_id=("altered", Uuid), kind=("kinds", Text), note=("notes", Text))
    names = ["account_id", *(one.name for one in given.c)]
    noted = insert(CartAlteration).from_select(names, select(cart.c.account_id, *given.c), include_defaults=False)
    changed = {"note": noted.excluded.note, "account_id": noted.excluded.account_id}
    return noted.on_conflict_do_update(index_elements=[CartAlteration.line_id, CartAlteration.kind], set_=changed)
