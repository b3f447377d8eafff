"""What the shop sells. Nothing here is personal."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Computed, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped

from models.base import (
    Base,
    choice,
    choices,
    code,
    column,
    flag,
    key,
    minor_units,
    moment,
    number,
    recorded_at,
    reference,
    string,
    version,
)
from models.classification import NotPersonal

GOODS = NotPersonal("describes goods on public sale")
TALLY = NotPersonal("a count over published reviews")

SKU = "^[A-Za-z0-9][A-Za-z0-9._/-]*$"
SLUG = "^[a-z0-9]+(-[a-z0-9]+)*$"


class CurrencyCode(StrEnum):
    """ISO 4217; all have two decimals."""

    USD = "USD"
    EUR = "EUR"
    GBP = "GBP"
    CAD = "CAD"


DEFAULT_CURRENCY = CurrencyCode.USD
"""The shop's first currency: prices are in it where no other is asked for."""


class Audience(StrEnum):
    WOMEN = "WOMEN"
    MATERNITY = "MATERNITY"
    BABY = "BABY"
    GIRLS = "GIRLS"
    BOYS = "BOYS"


class AlterationKind(StrEnum):
    HEM = "HEM"
    TAKE_IN = "TAKE_IN"
    LET_OUT = "LET_OUT"
    SHORTEN_SLEEVES = "SHORTEN_SLEEVES"
    LENGTHEN = "LENGTHEN"
    MONOGRAM = "MONOGRAM"
    OTHER = "OTHER"
    MADE_TO_MEASURE = "MADE_TO_MEASURE"


class TaxCategory(StrEnum):
    """Some places tax clothes, or children's clothes, less."""

    STANDARD = "STANDARD"
    CLOTHING = "CLOTHING"
    CHILDRENS_CLOTHING = "CHILDRENS_CLOTHING"


class MeasurementName(StrEnum):
    """What a tailor measures."""

    CHEST = "CHEST"
    WAIST = "WAIST"
    HIP = "HIP"
    INSEAM = "INSEAM"
    SLEEVE = "SLEEVE"
    SHOULDER = "SHOULDER"
    HEIGHT = "HEIGHT"
    NECK = "NECK"
    BACK_LENGTH = "BACK_LENGTH"
    HEAD = "HEAD"
    FOOT = "FOOT"


class Brand(Base):
    __tablename__ = "brand"
    id: Mapped[UUID] = key()
    slug: Mapped[str] = code(GOODS, SLUG, "slug", unique=True)
    name: Mapped[str] = string(GOODS)


class Category(Base):
    __tablename__ = "category"
    id: Mapped[UUID] = key()
    slug: Mapped[str] = code(GOODS, SLUG, "slug", unique=True)
    name: Mapped[str] = string(GOODS)
    parent_id: Mapped[UUID | None] = reference("category.id")
    position: Mapped[int] = number(GOODS, server_default=text("0"))


class Product(Base):
    """`rating_*` summarise the published reviews and change in the transaction that publishes or takes back one.

    `search` holds the words that the product is found by, those of its brand and categories too: whoever changes one of
    them writes it anew (`commerce.catalogue_search`).
    """

    __tablename__ = "product"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    slug: Mapped[str] = code(GOODS, SLUG, "slug", unique=True)
    name: Mapped[str] = string(GOODS)
    description: Mapped[str | None] = string(GOODS)
    care_instructions: Mapped[str | None] = string(GOODS)
    brand_id: Mapped[UUID | None] = reference("brand.id")
    audience: Mapped[list[str]] = choices(GOODS, Audience, "audience")
    custom_made: Mapped[bool] = flag(GOODS, default=False)
    required_measurements: Mapped[list[str]] = choices(GOODS, MeasurementName, "required_measurements")
    tax_category: Mapped[TaxCategory] = choice(GOODS, TaxCategory, "tax_category", server_default=text("'STANDARD'"))
    featured_rank: Mapped[int] = number(GOODS, server_default=text("1000000"))
    created_at: Mapped[datetime] = recorded_at(GOODS)
    archived_at: Mapped[datetime | None] = moment(GOODS)
    rating_count: Mapped[int] = number(TALLY, server_default=text("0"))
    rating_sum: Mapped[int] = number(TALLY, server_default=text("0"))
    rating_verified: Mapped[int] = number(TALLY, server_default=text("0"))
    rating_histogram: Mapped[list[int]] = column(TALLY, ARRAY(Integer), server_default=text("'{0,0,0,0,0}'"))
    rating_rank: Mapped[int] = column(
        TALLY,
        Integer,
        Computed("CASE WHEN rating_count = 0 THEN 0 ELSE rating_sum * 10000 / rating_count END", persisted=True),
    )
    search: Mapped[str] = column(GOODS, TSVECTOR, server_default=text("''"))

    __table_args__ = (
        Index("ix_product_featured", "featured_rank", "id", postgresql_where=text("archived_at IS NULL")),
        Index("ix_product_newest", "created_at", "id", postgresql_where=text("archived_at IS NULL")),
        Index("ix_product_rating", "rating_rank", "id", postgresql_where=text("archived_at IS NULL")),
        Index("ix_product_audience", "audience", postgresql_using="gin"),
        Index("ix_product_search", "search", postgresql_using="gin"),
    )


class SearchWord(Base):
    """A word of a product's name, brand, category or audience, by which one that is misspelled is recognised.

    `cuts` are the word itself, and what is left of it without one of its letters.
    """

    __tablename__ = "search_word"
    word: Mapped[str] = string(GOODS, primary_key=True)
    cuts: Mapped[list[str]] = column(GOODS, ARRAY(Text))

    __table_args__ = (
        Index("ix_search_word_cuts", "cuts", postgresql_using="gin"),
        Index("ix_search_word_trgm", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )


class ProductCategory(Base):
    __tablename__ = "product_category"
    product_id: Mapped[UUID] = reference("product.id", index=False, primary_key=True, ondelete="CASCADE")
    category_id: Mapped[UUID] = reference("category.id", primary_key=True, ondelete="CASCADE")


class ProductPrice(Base):
    """The least and greatest price of a product's variants in a currency, kept with them, for filters and sorts."""

    __tablename__ = "product_price"
    product_id: Mapped[UUID] = reference("product.id", index=False, primary_key=True, ondelete="CASCADE")
    currency: Mapped[CurrencyCode] = choice(GOODS, CurrencyCode, "currency", primary_key=True)
    minimum: Mapped[int] = minor_units(GOODS)
    maximum: Mapped[int] = minor_units(GOODS)

    __table_args__ = (
        Index("ix_product_price_minimum", "currency", "minimum", "product_id"),
        CheckConstraint("0 <= minimum AND minimum <= maximum", name="ordered"),
    )


class ProductMedia(Base):
    """A picture: of a product, or on none since `unused_since`. `object_key` is its name in the shop's storage."""

    __tablename__ = "product_media"
    id: Mapped[UUID] = key()
    product_id: Mapped[UUID | None] = reference("product.id", index=False, ondelete="SET NULL")
    position: Mapped[int] = column(GOODS, SmallInteger, server_default=text("0"))
    url: Mapped[str] = string(GOODS)
    object_key: Mapped[str | None] = string(GOODS)
    created_at: Mapped[datetime] = recorded_at(GOODS)
    unused_since: Mapped[datetime | None] = moment(GOODS)
    alt: Mapped[str | None] = string(GOODS)
    width: Mapped[int | None] = number(GOODS)
    height: Mapped[int | None] = number(GOODS)

    __table_args__ = (
        Index("uq_product_media_position", "product_id", "position", unique=True),
        Index("ix_product_media_unused", "unused_since", postgresql_where=text("unused_since IS NOT NULL")),
    )


class Variant(Base):
    """`on_hand` is the sum of the variant's stock entries, and changes together with one (`models.stock`).

    With its product a variant is archived at the same moment, and comes back with it; one that is archived at another
    was given up before.
    """

    __tablename__ = "variant"
    id: Mapped[UUID] = key()
    product_id: Mapped[UUID] = reference("product.id", index=False, ondelete="CASCADE")
    position: Mapped[int] = column(GOODS, SmallInteger)
    sku: Mapped[str] = code(GOODS, SKU, "sku", unique=True)
    size: Mapped[str | None] = string(GOODS)
    color: Mapped[str | None] = string(GOODS)
    weight_grams: Mapped[int | None] = number(GOODS)
    archived_at: Mapped[datetime | None] = moment(GOODS)
    on_hand: Mapped[int] = number(NotPersonal("pieces in stock"), server_default=text("0"))

    __table_args__ = (
        Index("uq_variant_position", "product_id", "position", unique=True),
        Index("ix_variant_size", "size", "product_id", postgresql_where=text("archived_at IS NULL")),
        CheckConstraint("on_hand >= 0 AND weight_grams > 0", name="on_hand"),
    )


class VariantPrice(Base):
    __tablename__ = "variant_price"
    variant_id: Mapped[UUID] = reference("variant.id", index=False, primary_key=True, ondelete="CASCADE")
    currency: Mapped[CurrencyCode] = choice(GOODS, CurrencyCode, "currency", primary_key=True)
    price: Mapped[int] = minor_units(GOODS)
    compare_at: Mapped[int | None] = minor_units(GOODS)

    __table_args__ = (CheckConstraint("price >= 0 AND compare_at >= price", name="prices"),)


class AlterationService(Base):
    """A change the shop's tailor offers for a product, priced in each currency."""

    __tablename__ = "alteration_service"
    id: Mapped[UUID] = key()
    product_id: Mapped[UUID] = reference("product.id", index=False, ondelete="CASCADE")
    kind: Mapped[AlterationKind] = choice(GOODS, AlterationKind, "kind")
    days: Mapped[int] = column(GOODS, SmallInteger)

    __table_args__ = (Index("uq_alteration_service_kind", "product_id", "kind", unique=True),)


class AlterationPrice(Base):
    __tablename__ = "alteration_price"
    service_id: Mapped[UUID] = reference("alteration_service.id", index=False, primary_key=True, ondelete="CASCADE")
    currency: Mapped[CurrencyCode] = choice(GOODS, CurrencyCode, "currency", primary_key=True)
    price: Mapped[int] = minor_units(GOODS)
