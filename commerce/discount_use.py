"""Uses of discount codes: counted when an order is placed, so that no race goes beyond a limit, and given back.

A customer's own limit is looked at while their account is locked; the limit of all is kept by the code's row.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CTE, Uuid, bindparam, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.discount import Discount, DiscountUse
from models.statement import Statement

WITHIN_LIMIT = "ck_discount_used"
"""The constraint that refuses to use a code more often than all together may."""

_ORDER = bindparam("code_order", type_=Uuid)


def using(begun: CTE | None = None, before: CTE | None = None) -> CTE:
    """Counts the uses of an order's codes, to stand in a statement's WITH; see `used` for its parameters.

    Nothing is used where `begun`, if there is one, has no row. WITHIN_LIMIT refuses the whole statement where one is
    used up. Codes are locked after all that `before` locks, so that no two statements wait for each other.
    """
    codes = bindparam("codes", type_=ARRAY(Uuid))
    asked = select(Discount.id).where(Discount.id == func.any(codes))
    if begun is not None:
        asked = asked.join(begun, true())
    if before is not None:
        asked = asked.where(select(func.count()).select_from(before).scalar_subquery() >= 0)
    locked = asked.order_by(Discount.id).with_for_update(of=Discount).cte("locked_codes")
    counted = (
        update(Discount)
        .where(Discount.id.in_(select(locked.c.id)))
        .values(used=Discount.used + 1)
        .returning(Discount.id)
        .cte("used_codes")
    )
    uses = select(_ORDER, counted.c.id, bindparam("code_account", type_=Uuid))
    noted = insert(DiscountUse).from_select(["order_id", "discount_id", "account_id"], uses, include_defaults=False)
    return noted.cte("uses")


def used(order_id: UUID, account_id: UUID | None, discount_ids: Iterable[UUID]) -> dict[str, Any]:
    """The parameters of `using`."""
    return {"codes": list(discount_ids), "code_order": order_id, "code_account": account_id}


async def give_back(transaction: AsyncConnection, order_id: UUID) -> None:
    """Makes the order's uses as if they had not been. One statement."""
    await _GIVING_BACK.run(transaction, code_order=order_id)


def _giving_back() -> Any:
    mine = select(DiscountUse.discount_id).where(DiscountUse.order_id == _ORDER)
    locked = select(Discount.id).where(Discount.id.in_(mine)).order_by(Discount.id).with_for_update().cte("locked")
    gone = delete(DiscountUse).where(DiscountUse.order_id == _ORDER, DiscountUse.discount_id.in_(select(locked.c.id)))
    given_back = gone.returning(DiscountUse.discount_id).cte("given_back")
    return update(Discount).where(Discount.id.in_(select(given_back.c.discount_id))).values(used=Discount.used - 1)


_GIVING_BACK = Statement(_giving_back)
