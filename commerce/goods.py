"""What baskets are made of: a cart's lines, the goods they are of, codes and their uses."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.viewer import Viewer
from commerce.cart_access import holding, is_held
from commerce.goods_statement import columns, plain_columns
from commerce.line_draft import AlterationDraft, LineDraft
from commerce.pricing import DiscountTerms
from models.catalogue import AlterationKind, CurrencyCode, MeasurementName, TaxCategory
from models.discount import CODE, DiscountKind
from models.ids import key_of
from models.statement import Statement

_CODE = re.compile(CODE)

NOBODYS = UUID(int=0)
"""Stands for an id that is none: no row has this key."""


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
    `altered`: whether alterations are asked for, which the goods may be offered with.
    """

    variant_ids: Sequence[UUID] = ()
    measurement_set_ids: Sequence[UUID] = ()
    codes: Sequence[str] | None = None
    currency: CurrencyCode | None = None
    account_id: UUID | None = None
    altered: bool = False

    @property
    def is_plain(self) -> bool:
        return self.codes is None and not self.measurement_set_ids and not self.altered


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
    """The cart and what is wanted beside it. Raises LookupError where there is no such cart.

    One statement; two of a cart with codes, alterations or measurements.
    """
    given = parameters(cart_id, wanted)
    row = await _PLAIN.first(transaction, **given) if wanted.is_plain else None
    if row is None or not row["plain"]:
        row = await _ANY.first(transaction, **given)
    return read(row, cart_id, wanted)


async def load_held(transaction: AsyncConnection, viewer: Viewer, cart_id: UUID | None, wanted: Wanted) -> Loaded:
    """As `load`, but for an open cart of the viewer's: LookupError for every other."""
    given = parameters(cart_id or NOBODYS, wanted) | holding(viewer)
    row = await _PLAIN_HELD.first(transaction, **given) if wanted.is_plain else None
    if row is None or not row["plain"]:
        row = await _HELD.first(transaction, **given)
    return read(row, cart_id or NOBODYS, wanted)


_PLAIN, _ANY = Statement(lambda: select(*plain_columns())), Statement(lambda: select(*columns()))
_PLAIN_HELD = Statement(lambda: select(*plain_columns(is_held())))
_HELD = Statement(lambda: select(*columns(is_held())))


def parameters(cart_id: UUID | None, wanted: Wanted) -> dict[str, Any]:
    """The parameters of `columns`, and of `plain_columns`."""
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
    altered = row.get("alterations") or ()
    alterations = tuple(AlterationDraft(AlterationKind(one["kind"]), one["note"]) for one in altered)
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
        {AlterationKind(one["kind"]): Service(one["price"], one["days"]) for one in row.get("services") or ()},
        _keys(row.get("category_ids")),
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
        _keys(row.get("category_ids")),
    )
