"""Baskets: what is bought together, a cart's or a till's, with prices, stock and codes as they are now.

A basket is read at one moment and does not change. Of a cart, a line shows no more pieces than there are: what was
asked for stays in the cart and comes back with the stock. Lines of one variant share its stock in their order. A line
of which there is none at all shows what was asked for, and cannot be ordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import line_check, pricing
from commerce.goods import Goods, KeptLine, Loaded, Wanted, load
from commerce.line_draft import AlterationDraft, LineDraft
from commerce.pricing import BasketLine, Discounted, DiscountTerms
from models.catalogue import AlterationKind, CurrencyCode, MeasurementName

__all__ = ["AlterationDraft", "Basket", "GoodsLine", "LineDraft", "PricedAlteration", "of_cart", "of_lines"]


@dataclass(frozen=True, slots=True)
class PricedAlteration:
    """An alteration of each piece, the price of one, and its days. `price` is None where it is offered no more."""

    kind: AlterationKind
    note: str | None
    price: int | None
    days: int


@dataclass(frozen=True, slots=True)
class GoodsLine:
    """A line with all that an order copies of it.

    `draft` is what was asked for, `priced` what it comes to: its quantity is what is there to be ordered. `unit_price`
    is None where the variant is not sold in the basket's currency; such a line counts with the price last seen.
    `measured` are its measurements, sealed (`commerce.measurement`).
    """

    line_id: UUID | None
    draft: LineDraft
    variant_id: UUID
    product_id: UUID
    sku: str
    product_name: str
    size: str | None
    color: str | None
    custom_made: bool
    required_measurements: tuple[MeasurementName, ...]
    on_hand: int
    archived: bool
    unit_price: int | None
    seen_price: int | None
    alterations: tuple[PricedAlteration, ...]
    priced: BasketLine
    in_stock: bool
    measured: bytes | None = field(default=None, repr=False)

    @property
    def on_sale(self) -> bool:
        """Whether it is still sold so, in this currency and with these alterations."""
        offered = all(one.price is not None for one in self.alterations)
        return not self.archived and self.unit_price is not None and offered

    @property
    def lacks_measurements(self) -> bool:
        """Whether it is made to measure and has none; what of those it has is missing, their values tell."""
        return bool(self.required_measurements) and self.measured is None


@dataclass(frozen=True, slots=True)
class Basket:
    """`cart_id` and `version` are None at the till; `account_id` is whose it is."""

    currency: CurrencyCode
    account_id: UUID | None
    cart_id: UUID | None
    version: int | None
    lines: tuple[GoodsLine, ...]
    codes: tuple[DiscountTerms, ...] = ()

    def discounted(self, now: datetime) -> Discounted:
        """The lines with what the codes take off at this moment."""
        lines = [line.priced for line in self.lines]
        return pricing.discount(lines, self.codes, now, signed_in=self.account_id is not None)

    @property
    def weight_grams(self) -> int:
        return sum(line.priced.weight_grams * line.priced.quantity for line in self.lines)

    def obstacles(self) -> list[Refusal]:
        """What keeps it from being ordered as it is: CART_EMPTY, OUT_OF_STOCK, MEASUREMENTS_REQUIRED."""
        if not self.lines:
            return [Refusal(RefusalCode.CART_EMPTY, "There is nothing in the cart.")]
        refusals = []
        for line in self.lines:
            if not line.on_sale:
                message = f"{line.product_name} is not sold so any more."
                refusals.append(Refusal(RefusalCode.OUT_OF_STOCK, message))
            elif not line.in_stock:
                refusals.append(Refusal(RefusalCode.OUT_OF_STOCK, f"{line.product_name} is out of stock."))
            if line.lacks_measurements:
                message = f"{line.product_name} is made to measure: choose measurements."
                refusals.append(Refusal(RefusalCode.MEASUREMENTS_REQUIRED, message))
        return refusals


async def of_cart(transaction: AsyncConnection, cart_id: UUID) -> Basket:
    """The cart's basket, as `goods.load` reads it. Raises LookupError where there is no such cart."""
    loaded = await load(transaction, cart_id, Wanted())
    return of_loaded(loaded, cart_id, loaded.lines)


async def of_lines(
    transaction: AsyncConnection,
    currency: CurrencyCode,
    drafts: Sequence[LineDraft],
    codes: Sequence[str],
    account_id: UUID | None,
) -> Basket | list[Refusal]:
    """What is sold at a till, in the quantities that are asked for. One statement. `account_id`: the customer's.

    NOT_FOUND for unknown variants, measurements that are not the customer's, and unknown codes, before anything else;
    REQUIRED without lines, LIMIT_REACHED beyond a hundred, INVALID and TOO_LONG as in a cart.
    """
    words = [word.strip().upper() for word in codes]
    asked_for = Wanted(
        [draft.variant_id for draft in drafts if draft.variant_id is not None],
        [draft.measurement_set_id for draft in drafts if draft.measurement_set_id is not None],
        words,
        currency,
        account_id,
    )
    loaded = await load(transaction, None, asked_for)
    known = {terms.code for terms in loaded.codes}
    missing = [
        Refusal(RefusalCode.NOT_FOUND, "There is no such code.", ("discountCodes", str(at)))
        for at, word in enumerate(words)
        if word not in known
    ]
    base = ("lines",)
    missing = line_check.unknown(drafts, loaded.goods, loaded.measured, base) + missing
    if missing:
        return missing
    tidied, refusals = line_check.checked(drafts, loaded.goods, base)
    return refusals or of_loaded(loaded, None, [KeptLine(draft) for draft in tidied])


def of_loaded(loaded: Loaded, cart_id: UUID | None, kept: Sequence[KeptLine]) -> Basket:
    """The basket of these lines, whose goods were loaded. A cart's shows no more than there is."""
    left = {key: one.on_hand for key, one in loaded.goods.items()}
    lines = []
    for line in kept:
        key, asked = line.draft.variant_id, line.draft.quantity
        assert key is not None
        there = min(asked, left[key])
        left[key] -= there
        quantity = there if cart_id is not None and there else asked
        lines.append(_line(line, loaded, quantity, in_stock=there >= quantity))
    return Basket(loaded.currency, loaded.account_id, cart_id, loaded.version, tuple(lines), loaded.codes)


def _line(kept: KeptLine, loaded: Loaded, quantity: int, *, in_stock: bool) -> GoodsLine:
    assert kept.draft.variant_id is not None
    goods, set_id = loaded.goods[kept.draft.variant_id], kept.draft.measurement_set_id
    alterations = tuple(_priced(one, goods) for one in kept.draft.alterations)
    price = goods.price if goods.price is not None else kept.seen_price
    priced = BasketLine(
        kept.line_id,
        goods.variant_id,
        goods.product_id,
        quantity,
        price or 0,
        tuple(one.price or 0 for one in alterations),
        goods.category_ids,
        goods.tax_category,
        goods.weight_grams,
    )
    return GoodsLine(
        kept.line_id,
        kept.draft,
        goods.variant_id,
        goods.product_id,
        goods.sku,
        goods.product_name,
        goods.size,
        goods.color,
        goods.custom_made,
        goods.required_measurements,
        goods.on_hand,
        goods.archived,
        goods.price,
        kept.seen_price,
        alterations,
        priced,
        in_stock,
        None if set_id is None else loaded.measured.get(set_id),
    )


def _priced(draft: AlterationDraft, goods: Goods) -> PricedAlteration:
    service = goods.services.get(draft.kind)
    if service is None:
        return PricedAlteration(draft.kind, draft.note, None, 0)
    return PricedAlteration(draft.kind, draft.note, service.price, service.days)
