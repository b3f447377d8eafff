"""Uses of discount codes: counted when an order is placed, so that no race goes beyond a limit, and given back.

A customer's own limit is looked at while their account is locked; the limit of all is kept by the code's row.
"""

from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.discount import Discount, DiscountUse

_ORDER = bindparam("order", type_=Uuid)


async def use(
    transaction: AsyncConnection, order_id: UUID, account_id: UUID | None, discount_ids: Collection[UUID]
) -> set[UUID]:
    """Counts a use of each code by the order. Answers those that are used up: then roll back. One statement."""
    if not discount_ids:
        return set()
    given = {"order": order_id, "account": account_id, "codes": list(discount_ids)}
    return set(discount_ids) - set(await transaction.scalars(_using(), given))


async def give_back(transaction: AsyncConnection, order_id: UUID) -> None:
    """Makes the order's uses as if they had not been. One statement."""
    await transaction.execute(_giving_back(), {"order": order_id})


@cache
def _using() -> Any:
    codes = bindparam("codes", type_=ARRAY(Uuid))
    locked = select(Discount.id).where(Discount.id == func.any(codes)).order_by(Discount.id).with_for_update()
    within = or_(Discount.total_limit.is_(None), Discount.used < Discount.total_limit)
    used = (
        update(Discount)
        .where(Discount.id.in_(select(locked.cte("locked").c.id)), within)
        .values(used=Discount.used + 1)
        .returning(Discount.id)
        .cte("used")
    )
    uses = select(_ORDER, used.c.id, bindparam("account", type_=Uuid))
    noted = insert(DiscountUse).from_select(["order_id", "discount_id", "account_id"], uses, include_defaults=False)
    return noted.returning(DiscountUse.discount_id)


@cache
def _giving_back() -> Any:
    mine = select(DiscountUse.discount_id).where(DiscountUse.order_id == _ORDER)
    locked = select(Discount.id).where(Discount.id.in_(mine)).order_by(Discount.id).with_for_update().cte("locked")
    gone = delete(DiscountUse).where(DiscountUse.order_id == _ORDER, DiscountUse.discount_id.in_(select(locked.c.id)))
    given_back = gone.returning(DiscountUse.discount_id).cte("given_back")
    return update(Discount).where(Discount.id.in_(select(given_back.c.discount_id))).values(used=Discount.used - 1)
