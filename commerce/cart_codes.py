"""The discount codes of a cart: which were entered, in the order in which they apply."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, SmallInteger, Uuid, bindparam, column, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.viewer import Viewer
from commerce.basket import of_loaded
from commerce.cart import NOT_FOUND, Outcome, find, held_by
from commerce.cart_writing import edit, edited
from commerce.goods import Wanted
from models.cart import CartDiscount
from models.statement import Statement

MOST_CODES = 10

CODES = ("codes",)


def regular(code: str) -> str:
    """A code as it is kept, however it was typed."""
    return code.strip().upper()


async def enter(transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, codes: Sequence[str]) -> Outcome:
    """Puts these codes in the place of the cart's, whether or not they are good for anything at the moment.

    NOT_FOUND for one that does not exist, LIMIT_REACHED beyond ten. Two statements. Raises Overtaken.
    """
    words = list(dict.fromkeys(map(regular, codes)))
    loaded = await find(transaction, viewer, cart_id, Wanted(codes=words[: MOST_CODES + 1]))
    if loaded is None:
        return [NOT_FOUND]
    if len(words) > MOST_CODES:
        return [Refusal(RefusalCode.LIMIT_REACHED, f"A cart takes {MOST_CODES} codes.", CODES)]
    known = {terms.code for terms in loaded.codes}
    missing = [
        Refusal(RefusalCode.NOT_FOUND, "There is no such code.", (*CODES, str(at)))
        for at, code in enumerate(codes)
        if regular(code) not in known
    ]
    if missing:
        return missing
    held = held_by(loaded, cart_id)
    entered = {"discounts": [terms.id for terms in loaded.codes], "places": list(range(len(loaded.codes)))}
    await edit(transaction, _ENTERING, held, **entered)
    return of_loaded(replace(loaded, version=held.version + 1), held.cart_id, loaded.lines)


async def bring_along(transaction: AsyncConnection, into: UUID, other: UUID) -> None:
    """Adds another cart's codes behind those of a cart, as far as it takes more."""
    codes = CartDiscount.__table__
    kept = select(codes.c.discount_id).where(codes.c.cart_id == into)
    size = select(func.count()).where(codes.c.cart_id == into).scalar_subquery()
    brought = codes.alias("brought")
    place = size + func.row_number().over(order_by=(brought.c.position, brought.c.discount_id)) - 1
    new = select(brought.c.discount_id, place.label("position"))
    new = new.where(brought.c.cart_id == other, brought.c.discount_id.not_in(kept)).subquery("new")
    fitting = select(bindparam("into", into, type_=Uuid), new.c.discount_id, new.c.position)
    fitting = fitting.where(new.c.position < MOST_CODES)
    rows = insert(CartDiscount).from_select(["cart_id", "discount_id", "position"], fitting, include_defaults=False)
    await transaction.execute(rows)


def _entering() -> Any:
    cart = edited().cte("edited")
    discounts, places = bindparam("discounts", type_=ARRAY(Uuid)), bindparam("places", type_=ARRAY(SmallInteger))
    given = func.unnest(discounts, places).table_valued(column("discount_id", Uuid), column("position", SmallInteger))
    given = given.render_derived(name="given")
    gone = delete(CartDiscount).where(
        CartDiscount.cart_id == cart.c.id, CartDiscount.discount_id != func.all(discounts)
    )
    names = ["cart_id", "discount_id", "position"]
    entered = insert(CartDiscount).from_select(names, select(cart.c.id, *given.c), include_defaults=False)
    entered = entered.on_conflict_do_update(
        index_elements=[CartDiscount.cart_id, CartDiscount.discount_id], set_={"position": entered.excluded.position}
    )
    return select(cart.c.id).add_cte(gone.cte("gone"), entered.cte("entered"))


_ENTERING = Statement(_entering)
