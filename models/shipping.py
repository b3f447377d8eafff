"""How the shop ships: to where, how heavy, how long, for how much."""

from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, SmallInteger, Text
from sqlalchemy.orm import Mapped

from models.base import Base, choice, code, column, flag, key, minor_units, number, reference, string, version
from models.catalogue import SLUG, CurrencyCode
from models.classification import NotPersonal

TERMS = NotPersonal("the shop's public terms of delivery")


class ShippingMethod(Base):
    """`countries` are ISO 3166-1 alpha-2; days count from the day after the order. A pickup needs no address."""

    __tablename__ = "shipping_method"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    code: Mapped[str] = code(TERMS, SLUG, "code", unique=True)
    name: Mapped[str] = string(TERMS)
    countries: Mapped[list[str]] = column(TERMS, ARRAY(Text))
    pickup: Mapped[bool] = flag(TERMS, default=False)
    min_days: Mapped[int | None] = column(TERMS, SmallInteger)
    max_days: Mapped[int | None] = column(TERMS, SmallInteger)
    max_weight_grams: Mapped[int | None] = number(TERMS)
    active: Mapped[bool] = flag(TERMS, default=True)

    __table_args__ = (CheckConstraint("0 <= min_days AND min_days <= max_days AND max_weight_grams > 0", name="terms"),)


class ShippingPrice(Base):
    """What shipping costs in a currency; free from `free_from` of Cart.total on."""

    __tablename__ = "shipping_price"
    method_id: Mapped[UUID] = reference("shipping_method.id", index=False, primary_key=True, ondelete="CASCADE")
    currency: Mapped[CurrencyCode] = choice(TERMS, CurrencyCode, "currency", primary_key=True)
    price: Mapped[int] = minor_units(TERMS)
    free_from: Mapped[int | None] = minor_units(TERMS)

    __table_args__ = (CheckConstraint("price >= 0 AND free_from >= 0", name="price"),)
