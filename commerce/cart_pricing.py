"""What a cart comes to at the moment that it is read, and what its owner should know before ordering it."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from auth.sealing import Sealer, Unsealable
from commerce.basket import Basket, GoodsLine, PricedAlteration
from commerce.measurement import unseal
from commerce.pricing import AppliedCode, Discounted, DiscountRefusal
from models.catalogue import MeasurementName


class CartWarningCode(StrEnum):
    """What moved since a line was put in, or stands in the way of ordering it."""

    QUANTITY_REDUCED = "QUANTITY_REDUCED"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    ARCHIVED = "ARCHIVED"
    PRICE_CHANGED = "PRICE_CHANGED"
    CODE_NOT_APPLICABLE = "CODE_NOT_APPLICABLE"
    MEASUREMENTS_MISSING = "MEASUREMENTS_MISSING"


@dataclass(frozen=True, slots=True)
class Warned:
    """`message` is a sentence for the customer. `line` is None where it is about the whole cart."""

    code: CartWarningCode
    message: str
    line: GoodsLine | None = None


_REFUSED = {
    DiscountRefusal.NOT_YET: "is not valid yet",
    DiscountRefusal.EXPIRED: "is not valid any more",
    DiscountRefusal.BELOW_MINIMUM: "needs more of what it is for",
    DiscountRefusal.LIMIT_REACHED: "is used up",
    DiscountRefusal.NOTHING_ELIGIBLE: "is for nothing in the cart",
    DiscountRefusal.NOT_COMBINABLE: "does not go together with another code",
    DiscountRefusal.SIGN_IN_REQUIRED: "is for customers who are signed in",
}


@dataclass(frozen=True, slots=True)
class PricedCartLine:
    """A line as it is shown, in minor units: `total` is before `discount_total`, what codes take off it."""

    quantity: int
    unit_price: int
    total: int
    discount_total: int
    alterations: tuple[PricedAlteration, ...] = ()


GONE = PricedCartLine(0, 0, 0, 0)
"""A line that somebody else takes out while the cart is read."""


@dataclass(frozen=True)
class PricedCart:
    """A basket at a moment. `sealer` opens measurements, to see which are there."""

    basket: Basket
    now: datetime
    sealer: Sealer

    @cached_property
    def discounted(self) -> Discounted:
        return self.basket.discounted(self.now)

    @cached_property
    def warnings(self) -> tuple[Warned, ...]:
        """About each line in turn, then about codes."""
        about_lines = (warned for line in self.basket.lines for warned in self._about(line))
        return (*about_lines, *(_about_code(one) for one in self.discounted.codes if one.refusal is not None))

    @cached_property
    def _lines(self) -> dict[str, PricedCartLine]:
        pairs = zip(self.basket.lines, self.discounted.off, strict=True)
        return {str(line.line_id): _shown(line, off) for line, off in pairs}

    def line(self, line_id: str) -> PricedCartLine:
        """A line of the cart, by its key as text, as it is shown."""
        return self._lines.get(line_id, GONE)

    def _about(self, line: GoodsLine) -> Iterator[Warned]:
        name, asked, there = line.product_name, line.draft.quantity, line.priced.quantity
        if not line.on_sale:
            yield Warned(CartWarningCode.ARCHIVED, f"{name} is not sold so any more.", line)
        elif not line.in_stock:
            yield Warned(CartWarningCode.OUT_OF_STOCK, f"{name} is out of stock.", line)
        elif there < asked:
            message = f"Of {name} there are {there} and not the {asked} that you asked for."
            yield Warned(CartWarningCode.QUANTITY_REDUCED, message, line)
        if line.unit_price is not None and line.unit_price != line.seen_price:
            yield Warned(CartWarningCode.PRICE_CHANGED, f"{name} has another price than before.", line)
        missing = self._missing(line)
        if missing:
            message = f"{name} is made to measure, and needs {', '.join(missing)}."
            yield Warned(CartWarningCode.MEASUREMENTS_MISSING, message, line)

    def _missing(self, line: GoodsLine) -> list[str]:
        """The measurements that the line is made to and does not have; those that nobody can open are none."""
        known: Collection[MeasurementName] = ()
        if line.measured is not None and line.draft.measurement_set_id is not None:
            with suppress(Unsealable):
                known = unseal(self.sealer, line.measured, line.draft.measurement_set_id)
        return [one.replace("_", " ").lower() for one in line.required_measurements if one not in known]


def _shown(line: GoodsLine, off: int) -> PricedCartLine:
    priced = line.priced
    return PricedCartLine(priced.quantity, priced.unit_price, priced.total, off, line.alterations)


def _about_code(code: AppliedCode) -> Warned:
    assert code.refusal is not None
    return Warned(CartWarningCode.CODE_NOT_APPLICABLE, f"{code.terms.code} {_REFUSED[code.refusal]}.")
