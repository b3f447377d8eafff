"""How staff make discount codes and change them. Carts follow at once; orders keep what was taken off."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import text
from commerce.money import Amount, Amounts, one_a_currency
from commerce.unique import written
from models.catalogue import Category, Product
from models.discount import CODE, Discount, DiscountAmount, DiscountCategory, DiscountKind, DiscountProduct
from models.ids import new_id

CODE_LIMIT = 40
MOST_DECIMALS = 3
"""Of a percentage."""
GREATEST_LIMIT = 2**31 - 1

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such discount.", ("id",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "The discount was changed meanwhile.", ("expectedVersion",))
TAKEN = Refusal(RefusalCode.TAKEN, "Another discount has this code.", ("code",))

_CODE = re.compile(CODE)


@dataclass(frozen=True, slots=True)
class DiscountDraft:
    """A code as it is to be. `percent`: 10 is 10 %. Without products and categories (by slug) it is for everything."""

    code: str
    kind: DiscountKind
    percent: Decimal | None = None
    amounts: Sequence[Amount] = ()
    minimums: Sequence[Amount] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    total_limit: int | None = None
    per_customer_limit: int | None = None
    product_ids: Sequence[UUID | None] = ()
    categories: Sequence[str] = ()
    combinable: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class _Checked:
    columns: dict[str, Any]
    amounts: Amounts
    minimums: Amounts


async def create(transaction: AsyncConnection, draft: DiscountDraft) -> UUID | list[Refusal]:
    """Makes a code. NOT_FOUND for goods that there are not, INVALID for terms without sense, TAKEN for its code."""
    return await _save(transaction, draft, None, used=0)


async def change(
    transaction: AsyncConnection, key: UUID, changes: Mapping[str, Any], *, expected_version: int | None = None
) -> UUID | list[Refusal]:
    """Changes the fields of a DiscountDraft that are named. Besides what `create` refuses: VERSION_CONFLICT.

    What another kind of code has no use for, percentage or amounts, goes with the kind.
    """
    locked = select(Discount.__table__).where(Discount.id == key).with_for_update()
    row = (await transaction.execute(locked)).one_or_none()
    if row is None:
        return [NOT_FOUND]
    if expected_version not in {None, row.version}:
        return [VERSION_CONFLICT]
    draft = await _stored(transaction, row)
    if changes.get("kind", draft.kind) is not draft.kind:
        draft = replace(draft, percent=None, amounts=())
    return await _save(transaction, replace(draft, **changes), key, used=row.used)


async def _save(
    transaction: AsyncConnection, draft: DiscountDraft, key: UUID | None, *, used: int
) -> UUID | list[Refusal]:
    missing, categories = await _goods(transaction, draft)
    if missing:
        return missing
    checked = _check(draft, used)
    if isinstance(checked, list):
        return checked
    saved = key or new_id()
    if key is None:
        row: Any = insert(Discount).values(id=saved, **checked.columns)
    else:
        row = update(Discount).where(Discount.id == key).values(**checked.columns, version=Discount.version + 1)
    if not await written(transaction, row, "uq_discount_code"):
        return [TAKEN]
    products = [one for one in draft.product_ids if one is not None]
    await _write_terms(transaction, saved, checked, products, categories)
    return saved


async def _write_terms(
    transaction: AsyncConnection, key: UUID, checked: _Checked, products: Sequence[UUID], categories: Sequence[UUID]
) -> None:
    currencies = sorted(checked.amounts.keys() | checked.minimums.keys())
    rows: dict[Any, list[dict[str, Any]]] = {
        DiscountAmount: [
            {"currency": one, "amount": checked.amounts.get(one), "minimum": checked.minimums.get(one)}
            for one in currencies
        ],
        DiscountProduct: [{"product_id": one} for one in dict.fromkeys(products)],
        DiscountCategory: [{"category_id": one} for one in dict.fromkeys(categories)],
    }
    for table, found in rows.items():
        await transaction.execute(delete(table).where(table.discount_id == key))
        if found:
            await transaction.execute(insert(table), [{"discount_id": key, **one} for one in found])


async def _stored(transaction: AsyncConnection, row: Any) -> DiscountDraft:
    amounts = select(DiscountAmount.__table__).where(DiscountAmount.discount_id == row.id)
    found = (await transaction.execute(amounts.order_by(DiscountAmount.currency))).all()
    products = select(DiscountProduct.product_id).where(DiscountProduct.discount_id == row.id)
    slugs = select(Category.slug).join(DiscountCategory, DiscountCategory.category_id == Category.id)
    slugs = slugs.where(DiscountCategory.discount_id == row.id)
    return DiscountDraft(
        row.code,
        DiscountKind(row.kind),
        row.percent,
        [Amount(Decimal(one.amount).scaleb(-2), one.currency) for one in found if one.amount is not None],
        [Amount(Decimal(one.minimum).scaleb(-2), one.currency) for one in found if one.minimum is not None],
        row.starts_at,
        row.ends_at,
        row.total_limit,
        row.per_customer_limit,
        list(await transaction.scalars(products)),
        list(await transaction.scalars(slugs)),
        row.combinable,
        row.active,
    )


async def _goods(transaction: AsyncConnection, draft: DiscountDraft) -> tuple[list[Refusal], list[UUID]]:
    """Which products and categories there are not; and the keys of the categories."""
    products = select(Product.id).where(Product.id.in_([one for one in draft.product_ids if one is not None]))
    known = set(await transaction.scalars(products)) if draft.product_ids else set()
    asked = [one for one in draft.categories if one.isprintable()]
    slugs = select(Category.slug, Category.id).where(Category.slug.in_(asked))
    keys = {row.slug: row.id for row in await transaction.execute(slugs)} if asked else {}
    missing = [
        Refusal(RefusalCode.NOT_FOUND, "There is no such product.", ("productIds", str(at)))
        for at, one in enumerate(draft.product_ids)
        if one not in known
    ]
    missing += [
        Refusal(RefusalCode.NOT_FOUND, "There is no such category.", ("categories", str(at)))
        for at, slug in enumerate(draft.categories)
        if slug not in keys
    ]
    return missing, [keys[slug] for slug in draft.categories if slug in keys]


# ---- rules


def _check(draft: DiscountDraft, used: int) -> _Checked | list[Refusal]:
    code = _code(draft.code)
    amounts, minimums = one_a_currency(draft.amounts, ("amounts",)), one_a_currency(draft.minimums, ("minimums",))
    wrong = [one for one in (code, amounts, minimums) if isinstance(one, Refusal)]
    wrong += [*_wrong_terms(draft), *_wrong_limits(draft, used)]
    if wrong or isinstance(amounts, Refusal) or isinstance(minimums, Refusal):
        return wrong
    columns = {
        "code": code,
        "kind": draft.kind,
        "percent": draft.percent,
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "total_limit": draft.total_limit,
        "per_customer_limit": draft.per_customer_limit,
        "combinable": draft.combinable,
        "active": draft.active,
    }
    return _Checked(columns, amounts, minimums)


def _code(typed: str) -> str | Refusal:
    code = text.line(typed.upper(), field=("code",), limit=CODE_LIMIT, required=True)
    if isinstance(code, Refusal) or _CODE.fullmatch(code):
        return code
    return _invalid("A code is of letters and digits, with dashes and underscores between.", "code")


def _wrong_terms(draft: DiscountDraft) -> list[Refusal]:
    """What does not go with the kind of code."""
    wrong = []
    if draft.kind is DiscountKind.PERCENT and draft.percent is None:
        wrong.append(Refusal(RefusalCode.REQUIRED, "Say how many percent it takes off.", ("percent",)))
    elif draft.kind is not DiscountKind.PERCENT and draft.percent is not None:
        wrong.append(_invalid("Only a code of kind PERCENT has a percentage.", "percent"))
    elif draft.percent is not None and not _is_percentage(draft.percent):
        message = f"A percentage is above 0 and up to 100, with at most {MOST_DECIMALS} decimals."
        wrong.append(_invalid(message, "percent"))
    if draft.kind is DiscountKind.AMOUNT and not draft.amounts:
        wrong.append(Refusal(RefusalCode.REQUIRED, "Say how much it takes off in a currency.", ("amounts",)))
    elif draft.kind is not DiscountKind.AMOUNT and draft.amounts:
        wrong.append(_invalid("Only a code of kind AMOUNT has amounts.", "amounts"))
    elif any(one.amount == 0 for one in draft.amounts):
        wrong.append(_invalid("It has to take off something.", "amounts"))
    return wrong


def _wrong_limits(draft: DiscountDraft, used: int) -> list[Refusal]:
    wrong = []
    if draft.starts_at is not None and draft.ends_at is not None and draft.starts_at >= draft.ends_at:
        wrong.append(_invalid("It has to end after it starts.", "endsAt"))
    for limit, name in ((draft.total_limit, "totalLimit"), (draft.per_customer_limit, "perCustomerLimit")):
        if limit is not None and not 1 <= limit <= GREATEST_LIMIT:
            wrong.append(_invalid("A limit is at least 1.", name))
    if draft.total_limit is not None and 1 <= draft.total_limit < used:
        wrong.append(_invalid(f"It was used {used} times already.", "totalLimit"))
    return wrong


def _is_percentage(percent: Decimal) -> bool:
    exponent = percent.normalize().as_tuple().exponent
    return 0 < percent <= 100 and isinstance(exponent, int) and exponent >= -MOST_DECIMALS


def _invalid(message: str, field: str) -> Refusal:
    return Refusal(RefusalCode.INVALID, message, (field,))
