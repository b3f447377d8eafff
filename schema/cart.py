"""Carts, as whoever holds one reads and fills it: its owner, or who has its token."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from inspect import Parameter
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, and_, or_, select

from auth.permissions import ANYONE, OWNER
from commerce.cart_access import is_open
from commerce.cart_pricing import CartWarningCode, PricedCart, PricedCartLine, Warned
from commerce.pricing import AppliedCode, DiscountRefusal
from commerce.quote import quote_to
from models import cart as tables
from models.catalogue import AlterationKind, CurrencyCode
from models.ids import show_id
from reads.declare import Columns, column, computed, entity, many, one, referenced, to, value
from schema.catalogue import Variant
from schema.common import Money, Node
from schema.errors import UserError
from schema.measurement import MeasurementSet
from schema.money import exact_money
from schema.quote import CART_LINE, CartQuoteInput, Quote, asked
from schema.quote import shown as shown_quote

PREFIX = "crt"

CARTS = tables.Cart.__table__

strawberry.enum(
    CartWarningCode,
    description="QUANTITY_REDUCED: the cart shows as many pieces as there are, and asks for more. "
    "ARCHIVED: not sold any more, in this currency or so altered.",
)
strawberry.enum(DiscountRefusal)


def brought(viewer: Columns, cart: Columns) -> ColumnElement[bool]:
    return and_(is_open(cart), cart.token_digest == viewer.cart_digest)


def held(viewer: Columns, cart: Columns) -> ColumnElement[bool]:
    return and_(is_open(cart), or_(cart.account_id == viewer.account_id, cart.token_digest == viewer.cart_digest))


def of_cart(name: str) -> Callable[[Columns], ColumnElement[Any]]:
    """A column of a line's cart."""

    def sql(line: Columns) -> ColumnElement[Any]:
        return select(CARTS.c[name]).where(CARTS.c.id == line.cart_id).correlate_except(CARTS).scalar_subquery()

    return sql


BESIDE_LINES = {name: of_cart(name) for name in ("version", "currency")}


def priced(show: Callable[[PricedCart], Any]) -> Any:
    """What is shown of a cart once it is priced."""

    def make(needs: Mapping[str, Any], info: Any) -> Any:
        known = info.context.baskets.known(needs["id"], int(needs["version"]))
        return show(known) if known is not None else _once_read(needs, info, needs["id"], show)

    return computed(make, "id", "version", "currency")


def priced_line(show: Callable[[PricedCartLine, CurrencyCode], Any]) -> Any:
    """What is shown of a line once its cart is priced."""

    def make(needs: Mapping[str, Any], info: Any) -> Any:
        def show_line(cart: PricedCart) -> Any:
            return show(cart.line(needs["id"]), cart.basket.currency)

        # What the request has in its hands is shown at once.
        known = info.context.baskets.known(needs["cart_id"], int(needs["version"]))
        return show_line(known) if known is not None else _once_read(needs, info, needs["cart_id"], show_line)

    return computed(make, "id", "cart_id", beside=BESIDE_LINES)


async def _once_read(needs: Mapping[str, Any], info: Any, cart_id: str, show: Callable[[PricedCart], Any]) -> Any:
    return show(await found(needs, info, cart_id))


async def found(needs: Mapping[str, Any], info: Any, cart_id: str) -> PricedCart:
    return await info.context.baskets.of(cart_id, int(needs["version"]), CurrencyCode(needs["currency"]))


@value(readers=ANYONE)
class LineAlteration:
    """What the tailor is to do; `price` is of one garment."""

    kind: AlterationKind
    note: str | None
    price: Money


def alterations_of(line: PricedCartLine, currency: CurrencyCode) -> list[LineAlteration]:
    return [
        LineAlteration(kind=one.kind, note=one.note, price=exact_money(one.price or 0, currency))
        for one in line.alterations
    ]


@entity(
    tables.CartLine,
    prefix=CART_LINE,
    readers=ANYONE,
    description="`quantity` is as many pieces as there are to be ordered. "
    "total = (unitPrice + its alterations' prices) * quantity, before discounts.",
)
class CartLine:
    id: strawberry.ID
    variant: Variant = one(lambda line, variant: variant.id == line.variant_id)
    quantity: int = priced_line(lambda line, currency: line.quantity)
    unit_price: Money = priced_line(lambda line, currency: exact_money(line.unit_price, currency))
    total: Money = priced_line(lambda line, currency: exact_money(line.total, currency))
    discount_total: Money = priced_line(lambda line, currency: exact_money(line.discount_total, currency))
    alterations: list[LineAlteration] = priced_line(alterations_of)
    measurement_set: MeasurementSet | None = one(
        lambda line, measured: and_(measured.id == line.measurement_set_id, measured.account_id == line.account_id),
        seen_by=OWNER,
    )
    gift_message: str | None


@value(readers=ANYONE)
class DiscountCode:
    """A code that was entered: what it takes off goods, or why it does not. One for shipping takes off nothing here."""

    code: str
    applicable: bool
    reason: DiscountRefusal | None
    amount: Money


@value(readers=ANYONE)
class CartWarning:
    """What moved, or stands in the way of ordering; about a line, or about the whole cart."""

    code: CartWarningCode
    line_id: strawberry.ID | None
    variant_id: strawberry.ID | None
    message: str


def shown_code(applied: AppliedCode, currency: CurrencyCode) -> DiscountCode:
    return DiscountCode(
        code=applied.terms.code,
        applicable=applied.refusal is None,
        reason=applied.refusal,
        amount=exact_money(applied.amount, currency),
    )


def shown_warning(warned: Warned) -> CartWarning:
    line = warned.line
    return CartWarning(
        code=warned.code,
        line_id=strawberry.ID(show_id(CART_LINE, line.line_id)) if line and line.line_id else None,
        variant_id=strawberry.ID(show_id("var", line.variant_id)) if line else None,
        message=warned.message,
    )


async def quoted(needs: Mapping[str, Any], info: Any, *, input: CartQuoteInput) -> Quote:
    context, cart = info.context, await found(needs, info, needs["id"])
    account_id, store = context.viewer.account_id, context.services.shop.store
    method, now = input.shipping_method or None, datetime.now(UTC)
    return shown_quote(
        await context.database.transact(
            lambda t: quote_to(t, cart.basket, account_id, asked(input), method, now, store=store)
        )
    )


@entity(
    tables.Cart,
    prefix=PREFIX,
    readers=ANYONE,
    visible=(to(OWNER, held), to(ANYONE, brought)),
    description="What somebody is about to buy. It holds nothing back: prices, stock and codes are those of now. "
    "total = subtotal - discountTotal: no shipping, no tax; `quote` has the whole.",
)
class Cart(Node):
    id: strawberry.ID
    version: int
    currency_code: CurrencyCode = column(lambda cart: cart.currency, nullable=False)
    lines: list[CartLine] = many(
        lambda cart, line: line.cart_id == cart.id, order=lambda line: (line.position, line.id)
    )
    discount_codes: list[DiscountCode] = priced(
        lambda cart: [shown_code(one, cart.basket.currency) for one in cart.discounted.codes]
    )
    subtotal: Money = priced(lambda cart: exact_money(cart.discounted.subtotal, cart.basket.currency))
    discount_total: Money = priced(lambda cart: exact_money(cart.discounted.discount_total, cart.basket.currency))
    total: Money = priced(lambda cart: exact_money(cart.discounted.total, cart.basket.currency))
    warnings: list[CartWarning] = priced(lambda cart: [shown_warning(one) for one in cart.warnings])
    expires_at: datetime
    quote: Quote = computed(quoted, "id", "version", "currency", arguments={"input": (CartQuoteInput, Parameter.empty)})


@strawberry.input(description="`note` is for the tailor. MADE_TO_MEASURE is never asked for.")
class LineAlterationInput:
    kind: AlterationKind
    note: str | None = strawberry.UNSET


@strawberry.input(description="`measurementSetId`: of one's own measurements, for what is made to measure.")
class CartLineInput:
    variant_id: strawberry.ID
    quantity: int
    alterations: list[LineAlterationInput] | None = strawberry.UNSET
    measurement_set_id: strawberry.ID | None = strawberry.UNSET
    gift_message: str | None = strawberry.UNSET


@strawberry.input
class CartCreateInput:
    currency_code: CurrencyCode
    lines: list[CartLineInput] | None = strawberry.UNSET


@strawberry.input
class CartLinesAddInput:
    cart_id: strawberry.ID
    lines: list[CartLineInput]


@strawberry.input(description="A field that is left out stays as it is; one that is null is cleared. 0 removes it.")
class CartLineUpdateInput:
    id: strawberry.ID
    quantity: int
    alterations: list[LineAlterationInput] | None = strawberry.UNSET
    measurement_set_id: strawberry.ID | None = strawberry.UNSET
    gift_message: str | None = strawberry.UNSET


@strawberry.input
class CartLinesUpdateInput:
    cart_id: strawberry.ID
    lines: list[CartLineUpdateInput]


@strawberry.input
class CartLinesRemoveInput:
    cart_id: strawberry.ID
    line_ids: list[strawberry.ID]


@strawberry.input(description="All the codes that the cart is to have, in the order in which they apply.")
class CartDiscountCodesUpdateInput:
    cart_id: strawberry.ID
    codes: list[str]


@strawberry.input
class CartClaimInput:
    cart_token: str
    into_cart_id: strawberry.ID | None = strawberry.UNSET


@value(readers=ANYONE, description="`cartToken` is shown this once; a signed-in customer's own cart has none.")
class CartCreatePayload:
    cart: Cart | None = referenced()
    cart_token: str | None = None
    user_errors: list[UserError]


@value(readers=ANYONE)
class CartLinesAddPayload:
    cart: Cart | None = referenced()
    user_errors: list[UserError]


@value(readers=ANYONE)
class CartLinesUpdatePayload:
    cart: Cart | None = referenced()
    user_errors: list[UserError]


@value(readers=ANYONE)
class CartLinesRemovePayload:
    cart: Cart | None = referenced()
    user_errors: list[UserError]


@value(readers=ANYONE)
class CartDiscountCodesUpdatePayload:
    cart: Cart | None = referenced()
    user_errors: list[UserError]


@value(readers=OWNER)
class CartClaimPayload:
    cart: Cart | None = referenced()
    user_errors: list[UserError]
