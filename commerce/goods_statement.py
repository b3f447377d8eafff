"""The statement by which baskets are read: a cart's lines, the goods they are of, codes and their uses."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from models.cart import Cart, CartAlteration, CartDiscount, CartLine
from models.catalogue import (
    AlterationPrice,
    AlterationService,
    Category,
    Product,
    ProductCategory,
    Variant,
    VariantPrice,
)
from models.discount import Discount, DiscountAmount, DiscountCategory, DiscountProduct, DiscountUse
from models.measurement import MeasurementSet

Rows = Select[*tuple[Any, ...]]


_CART = bindparam("cart_id", type_=Uuid)
_VARIANTS = bindparam("variant_ids", type_=ARRAY(Uuid))
_CODES = bindparam("codes", type_=ARRAY(Text))
_SETS = bindparam("set_ids", type_=ARRAY(Uuid))
_CURRENCY = bindparam("currency", type_=Text)
_ACCOUNT = bindparam("account_id", type_=Uuid)


def columns(*which: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    """What is loaded, to be selected alone or with something else; `which` carts it may be of."""
    cart, currency = _of(which)
    account = func.coalesce(select(cart.c.account_id).scalar_subquery(), _ACCOUNT)
    entered = _entered()
    goods = _goods_of(currency, _services(currency), _category_ids(_categories(entered)))
    return (
        _text(select(func.row_to_json(cart.table_valued()))).label("cart"),
        _text(_listed(_lines(_alterations()))).label("lines"),
        _text(_any_order(goods)).label("goods"),
        _text(_listed(_codes(entered, currency, account))).label("codes"),
        _text(_any_order(_measured(account))).label("measured"),
    )


def plain_columns(*which: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    """The same for half the work, of a cart that is `plain`: nothing in it is altered or made to measure, no code."""
    cart, currency = _of(which)
    return (
        _text(select(func.row_to_json(cart.table_valued()))).label("cart"),
        _text(_listed(_lines())).label("lines"),
        _text(_any_order(_goods_of(currency))).label("goods"),
        null().label("codes"),
        null().label("measured"),
        _is_plain().label("plain"),
    )


def _of(which: tuple[ColumnElement[bool], ...]) -> tuple[Any, ColumnElement[str]]:
    """The cart, and the currency of prices."""
    cart = select(Cart.version, Cart.currency, Cart.account_id).where(Cart.id == _CART, *which).cte("of")
    return cart, func.coalesce(select(cart.c.currency).scalar_subquery(), _CURRENCY)


def _is_plain() -> ColumnElement[bool]:
    coded = select(CartDiscount.discount_id).where(CartDiscount.cart_id == _CART)
    altered = select(CartAlteration.line_id).where(CartAlteration.line_id == CartLine.id).correlate(CartLine)
    special = or_(CartLine.measurement_set_id.is_not(None), altered.exists())
    return and_(~coded.exists(), ~select(CartLine.id).where(CartLine.cart_id == _CART, special).exists())


def _text(found: Rows) -> ColumnElement[str]:
    return cast(found.scalar_subquery(), Text)


def _listed(rows: Rows) -> Rows:
    """The rows as a list of objects, in the order of their positions."""
    listed = rows.subquery()
    in_order: Any = aggregate_order_by(listed.table_valued(), listed.c.position, listed.c.id)
    return select(func.json_agg(in_order))


def _array(found: Rows) -> ColumnElement[Any]:
    return func.array(found.scalar_subquery())


def _any_order(rows: Rows) -> Rows:
    return select(func.json_agg(rows.subquery("listed").table_valued()))


def _alterations() -> ColumnElement[Any]:
    alteration = select(CartAlteration.kind, CartAlteration.note)
    alteration = alteration.where(CartAlteration.line_id == CartLine.id).correlate(CartLine).subquery("alteration")
    in_order: Any = aggregate_order_by(alteration.table_valued(), alteration.c.kind)
    return select(func.json_agg(in_order)).scalar_subquery().label("alterations")


def _lines(*more: ColumnElement[Any]) -> Rows:
    return select(
        CartLine.id,
        CartLine.position,
        CartLine.variant_id,
        CartLine.quantity,
        CartLine.seen_price,
        CartLine.measurement_set_id,
        CartLine.gift_message,
        *more,
    ).where(CartLine.cart_id == _CART)


def _wanted() -> Any:
    return select(CartLine.variant_id).where(CartLine.cart_id == _CART).union_all(select(func.unnest(_VARIANTS)))


def _goods_of(currency: ColumnElement[str], *more: ColumnElement[Any]) -> Rows:
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
            *more,
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
    return _any_order(offered).scalar_subquery().label("services")


def _category_ids(categories: Any) -> ColumnElement[Any]:
    of_product = select(func.json_agg(categories.c.id)).where(categories.c.product_id == Product.id)
    return of_product.correlate(Product).scalar_subquery().label("category_ids")


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
