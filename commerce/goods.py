"""What baskets are made of, read by one statement: a cart's lines, the goods they are of, codes and their uses."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.viewer import Viewer
from commerce.cart_access import holding, is_held
from commerce.line_draft import AlterationDraft, LineDraft
from commerce.pricing import DiscountTerms
from models.cart import Cart, CartAlteration, CartDiscount, CartLine
from models.catalogue import (
    AlterationKind,
    AlterationPrice,
    AlterationService,
    Category,
    CurrencyCode,
    MeasurementName,
    Product,
    ProductCategory,
    TaxCategory,
    Variant,
    VariantPrice,
)
from models.discount import (
    CODE,
    Discount,
    DiscountAmount,
    DiscountCategory,
    DiscountKind,
    DiscountProduct,
    DiscountUse,
)
from models.ids import key_of
from models.measurement import MeasurementSet
from models.statement import Statement

_CODE = re.compile(CODE)

NOBODYS = UUID(int=0)
"""Stands for an id that is none: no row has this key."""

Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Service:
    """What the tailor offers for a product: the price of one garment, and how many days it takes."""

    price: int
    days: int


@dataclass(frozen=True, slots=True)
class Goods:
    """A variant as it is now, with prices in one currency.

    `category_ids` have the categories' ancestors among them, and are looked up where a code asks for categories.
    """

    variant_id: UUID
    product_id: UUID
    sku: str
    product_name: str
    size: str | None
    color: str | None
    weight_grams: int
    on_hand: int
    archived: bool
    custom_made: bool
    tax_category: TaxCategory
    price: int | None
    required_measurements: tuple[MeasurementName, ...] = ()
    services: Mapping[AlterationKind, Service] = field(default_factory=dict)
    category_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class KeptLine:
    """What is wanted, as a cart keeps it; at a till there is neither key nor a price that was seen."""

    draft: LineDraft
    line_id: UUID | None = None
    position: int = 0
    seen_price: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look up beside a cart's own: variants, and of the account the measurement sets.

    `codes` stand in the place of the cart's, if given. Currency and account are the cart's, where there is one.
    """

    variant_ids: Sequence[UUID] = ()
    measurement_set_ids: Sequence[UUID] = ()
    codes: Sequence[str] | None = None
    currency: CurrencyCode | None = None
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """`measured`: of the measurement sets that lines have or were asked about, the account's own, sealed."""

    currency: CurrencyCode
    account_id: UUID | None
    version: int | None
    lines: tuple[KeptLine, ...]
    goods: Mapping[UUID, Goods]
    codes: tuple[DiscountTerms, ...]
    measured: Mapping[UUID, bytes] = field(default_factory=dict, repr=False)


async def load(transaction: AsyncConnection, cart_id: UUID | None, wanted: Wanted) -> Loaded:
    """The cart and what is wanted beside it. One statement. Raises LookupError where there is no such cart."""
    return read(await _ANY.first(transaction, **parameters(cart_id, wanted)), cart_id, wanted)


async def load_held(transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, wanted: Wanted) -> Loaded:
    """As `load`, but for an open cart of the viewer's: LookupError for every other."""
    given = parameters(cart_id or NOBODYS, wanted)
    row = await _HELD.first(transaction, **holding(viewer), **given)
    return read(row, cart_id or NOBODYS, wanted)


def parameters(cart_id: UUID | None, wanted: Wanted) -> dict[str, Any]:
    """The parameters of `columns`."""
    return {
        "cart_id": cart_id,
        "variant_ids": wanted.variant_ids,
        "set_ids": wanted.measurement_set_ids,
        "codes": None if wanted.codes is None else [one for one in wanted.codes if _CODE.fullmatch(one)],
        "currency": wanted.currency,
        "account_id": wanted.account_id,
    }


def read(row: Any, cart_id: UUID | None, wanted: Wanted) -> Loaded:
    """What the `columns` of a row say. Raises LookupError where there is no such cart."""
    cart = _parsed(row["cart"])
    if cart_id is not None and cart is None:
        raise LookupError("there is no such cart")
    goods = [_goods(one) for one in _parsed(row["goods"]) or ()]
    return Loaded(
        CurrencyCode(cart["currency"] if cart else wanted.currency),
        _key(cart["account_id"]) if cart else wanted.account_id,
        cart["version"] if cart else None,
        tuple(map(_line, _parsed(row["lines"]) or ())),
        {one.variant_id: one for one in goods},
        tuple(map(_terms, _parsed(row["codes"]) or ())),
        {key_of(one["id"]): bytes.fromhex(one["sealed"]) for one in _parsed(row["measured"]) or ()},
    )


# ---- the statement


_CART = bindparam("cart_id", type_=Uuid)
_VARIANTS = bindparam("variant_ids", type_=ARRAY(Uuid))
_CODES = bindparam("codes", type_=ARRAY(Text))
_SETS = bindparam("set_ids", type_=ARRAY(Uuid))
_CURRENCY = bindparam("currency", type_=Text)
_ACCOUNT = bindparam("account_id", type_=Uuid)


def columns(*which: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    """What is loaded, to be selected alone or with something else; `which` carts it may be of."""
    cart = select(Cart.version, Cart.currency, Cart.account_id).where(Cart.id == _CART, *which).cte("of")
    currency = func.coalesce(select(cart.c.currency).scalar_subquery(), _CURRENCY)
    account = func.coalesce(select(cart.c.account_id).scalar_subquery(), _ACCOUNT)
    entered = _entered()
    goods = _goods_of(currency, _categories(entered)).subquery("goods")
    return (
        _text(select(func.row_to_json(cart.table_valued()))).label("cart"),
        _text(_listed(_lines())).label("lines"),
        _text(select(func.json_agg(goods.table_valued()))).label("goods"),
        _text(_listed(_codes(entered, currency, account))).label("codes"),
        _text(select(func.json_agg(_measured(account).subquery("measured").table_valued()))).label("measured"),
    )


def _text(found: Rows) -> ColumnElement[str]:
    return cast(found.scalar_subquery(), Text)


def _listed(rows: Rows) -> Rows:
    """The rows as a list of objects, in the order of their positions."""
    listed = rows.subquery()
    in_order: Any = aggregate_order_by(listed.table_valued(), listed.c.position, listed.c.id)
    return select(func.json_agg(in_order))


def _array(found: Rows) -> ColumnElement[Any]:
    return func.array(found.scalar_subquery())


def _lines() -> Rows:
    alteration = select(CartAlteration.kind, CartAlteration.note)
    alteration = alteration.where(CartAlteration.line_id == CartLine.id).correlate(CartLine).subquery("alteration")
    in_order: Any = aggregate_order_by(alteration.table_valued(), alteration.c.kind)
    alterations = select(func.json_agg(in_order)).scalar_subquery()
    return select(
        CartLine.id,
        CartLine.position,
        CartLine.variant_id,
        CartLine.quantity,
        CartLine.seen_price,
        CartLine.measurement_set_id,
        CartLine.gift_message,
        alterations.label("alterations"),
    ).where(CartLine.cart_id == _CART)


def _wanted() -> Any:
    return select(CartLine.variant_id).where(CartLine.cart_id == _CART).union_all(select(func.unnest(_VARIANTS)))


def _goods_of(currency: ColumnElement[str], categories: Any) -> Rows:
    of_product = select(func.json_agg(categories.c.id)).where(categories.c.product_id == Product.id)
    price = (VariantPrice.variant_id == Variant.id) & (VariantPrice.currency == currency)
    return (
        select(
            Variant.id,
            Variant.product_id,
            Variant.sku,
            Product.name,
            Variant.size,
            Variant.color,
            Variant.weight_grams,
            Variant.on_hand,
            or_(Variant.archived_at.is_not(None), Product.archived_at.is_not(None)).label("archived"),
            Product.custom_made,
            Product.required_measurements,
            Product.tax_category,
            VariantPrice.price,
            _services(currency).label("services"),
            of_product.correlate(Product).scalar_subquery().label("category_ids"),
        )
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(VariantPrice, price)
        .where(Variant.id.in_(_wanted()))
    )


def _services(currency: ColumnElement[str]) -> ColumnElement[Any]:
    priced = (AlterationPrice.service_id == AlterationService.id) & (AlterationPrice.currency == currency)
    offered = select(AlterationService.kind, AlterationService.days, AlterationPrice.price).join(
        AlterationPrice, priced
    )
    offered = offered.where(AlterationService.product_id == Product.id).correlate(Product)
    return select(func.json_agg(offered.subquery("offered").table_valued())).scalar_subquery()


def _categories(entered: Any) -> Any:
    """By product, its categories and those above them; none where no code asks for any."""
    asked = select(DiscountCategory.category_id).where(DiscountCategory.discount_id.in_(select(entered.c.discount_id)))
    products = select(Variant.product_id).where(Variant.id.in_(_wanted()))
    own = select(ProductCategory.product_id, Category.id, Category.parent_id)
    own = own.join(Category, Category.id == ProductCategory.category_id)
    above = own.where(asked.exists(), ProductCategory.product_id.in_(products)).cte("above", recursive=True)
    parents = select(above.c.product_id, Category.id, Category.parent_id)
    return above.union(parents.join(Category, Category.id == above.c.parent_id))


def _measured(account: ColumnElement[Any]) -> Rows:
    of_lines = select(CartLine.measurement_set_id).where(CartLine.cart_id == _CART)
    wanted = or_(MeasurementSet.id == func.any(_SETS), MeasurementSet.id.in_(of_lines))
    sealed = func.encode(MeasurementSet.sealed, literal_column("'hex'")).label("sealed")
    return select(MeasurementSet.id, sealed).where(MeasurementSet.account_id == account, wanted)


def _entered() -> Any:
    """The codes that are given, with their places; else those of the cart."""
    kept = select(CartDiscount.discount_id, cast(CartDiscount.position, Integer).label("position"))
    kept = kept.where(CartDiscount.cart_id == _CART, _CODES.is_(None))
    given = select(Discount.id, func.array_position(_CODES, Discount.code)).where(Discount.code == func.any(_CODES))
    return kept.union_all(given).cte("entered")


def _codes(entered: Any, currency: ColumnElement[str], account: ColumnElement[Any]) -> Rows:
    here = (DiscountAmount.discount_id == Discount.id) & (DiscountAmount.currency == currency)
    used = select(func.count()).select_from(DiscountUse)
    used = used.where(DiscountUse.discount_id == Discount.id, DiscountUse.account_id == account)
    products = select(DiscountProduct.product_id).where(DiscountProduct.discount_id == Discount.id)
    categories = select(DiscountCategory.category_id).where(DiscountCategory.discount_id == Discount.id)
    return (
        select(
            Discount.id,
            entered.c.position,
            Discount.code,
            Discount.kind,
            cast(Discount.percent, Text).label("percent"),
            DiscountAmount.amount,
            DiscountAmount.minimum,
            Discount.starts_at,
            Discount.ends_at,
            Discount.total_limit,
            Discount.per_customer_limit,
            Discount.used,
            used.correlate(Discount).scalar_subquery().label("used_by_customer"),
            Discount.combinable,
            Discount.active,
            _array(products.correlate(Discount)).label("product_ids"),
            _array(categories.correlate(Discount)).label("category_ids"),
        )
        .join(entered, entered.c.discount_id == Discount.id)
        .outerjoin(DiscountAmount, here)
    )


_ANY = Statement(lambda: select(*columns()))
_HELD = Statement(lambda: select(*columns(is_held())))


# ---- what it answers


def _parsed(found: str | None) -> Any:
    return None if found is None else orjson.loads(found)


def _key(shown: str | None) -> UUID | None:
    return None if shown is None else key_of(shown)


def _moment(shown: str | None) -> datetime | None:
    return None if shown is None else datetime.fromisoformat(shown)


def _keys(shown: Sequence[str] | None) -> frozenset[UUID]:
    return frozenset(map(key_of, shown or ()))


def _line(row: Mapping[str, Any]) -> KeptLine:
    alterations = tuple(AlterationDraft(AlterationKind(one["kind"]), one["note"]) for one in row["alterations"] or ())
    set_id = _key(row["measurement_set_id"])
    draft = LineDraft(key_of(row["variant_id"]), row["quantity"], alterations, set_id, row["gift_message"])
    return KeptLine(draft, key_of(row["id"]), row["position"], row["seen_price"])


def _goods(row: Mapping[str, Any]) -> Goods:
    return Goods(
        key_of(row["id"]),
        key_of(row["product_id"]),
        row["sku"],
        row["name"],
        row["size"],
        row["color"],
        row["weight_grams"] or 0,
        row["on_hand"],
        row["archived"],
        row["custom_made"],
        TaxCategory(row["tax_category"]),
        row["price"],
        tuple(map(MeasurementName, row["required_measurements"])),
        {AlterationKind(one["kind"]): Service(one["price"], one["days"]) for one in row["services"] or ()},
        _keys(row["category_ids"]),
    )


def _terms(row: Mapping[str, Any]) -> DiscountTerms:
    return DiscountTerms(
        key_of(row["id"]),
        row["code"],
        DiscountKind(row["kind"]),
        None if row["percent"] is None else Decimal(row["percent"]),
        row["amount"],
        row["minimum"],
        _moment(row["starts_at"]),
        _moment(row["ends_at"]),
        row["total_limit"],
        row["per_customer_limit"],
        row["used"],
        row["used_by_customer"],
        row["combinable"],
        row["active"],
        _keys(row["product_ids"]),
        _keys(row["category_ids"]),
    )
