"""Products, their variants, prices, pictures and alterations."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from models.catalogue import (
    AlterationPrice,
    AlterationService,
    Audience,
    CurrencyCode,
    Product,
    ProductCategory,
    ProductMedia,
    ProductPrice,
    TaxCategory,
    Variant,
    VariantPrice,
)
from models.ids import new_id
from seeds.demo import data
from seeds.demo.shelves import Alteration, Shelves
from seeds.ledger import Ledger
from seeds.prices import Prices, in_currencies, reduced
from seeds.purchases import Item
from seeds.ratings import Tally
from seeds.rows import Rows

_DEPARTMENTS = ("women", "maternity", "baby", "girls", "boys")
_ADULTS = {Audience.WOMEN, Audience.MATERNITY}
_DAYS_BETWEEN = 7
_FIRST_UNFEATURED_RANK = 100
_PICTURES = "https://pictures.layette.example/products"


@dataclass(frozen=True, slots=True)
class Goods:
    """A product as it is written down, with the variants it is sold in. `rank` is its place in the window."""

    id: UUID
    text: Mapping[str, Any]
    created_at: datetime
    rank: int
    items: Sequence[Item]
    full_prices: Mapping[UUID, Prices]

    @property
    def measurements(self) -> Sequence[str]:
        """What the tailor has to know of whoever it is made for."""
        return self.text.get("measurements", ())

    @property
    def archived_at(self) -> datetime | None:
        """When it went off sale, and its variants with it."""
        return self.created_at + timedelta(days=180) if self.text.get("archived") else None

    @property
    def altered(self) -> bool:
        """Whether the tailor has work with it."""
        return bool(self.text.get("custom_made") or self.text.get("alterations"))


def read_goods(shelves: Shelves, now: datetime, random: Random) -> list[Goods]:
    """Every product of the shop. One came in each week; what is archived now came first."""
    texts = [text for department in _DEPARTMENTS for text in data.read(department)["product"]]
    arrivals = random.sample(texts, len(texts))
    arrivals.sort(key=lambda text: text.get("archived", False))
    newest_first = {text["slug"]: age for age, text in enumerate(arrivals)}
    display = {text["slug"]: place for place, text in enumerate(random.sample(texts, len(texts)))}
    return [
        _goods(
            text,
            shelves,
            f"{shelves.makers[text['brand']].code}-{number:03}",
            now - timedelta(days=2 + _DAYS_BETWEEN * newest_first[text["slug"]]),
            text.get("featured", _FIRST_UNFEATURED_RANK + display[text["slug"]]),
        )
        for number, text in enumerate(texts, start=1)
    ]


def _goods(text: Mapping[str, Any], shelves: Shelves, code: str, created_at: datetime, rank: int) -> Goods:
    product_id, weight = new_id(), text.get("weight", shelves.weights[text["categories"][0]])
    full: dict[UUID, Prices] = {}
    items = []
    for place, size, color in _combinations(text):
        variant_id = new_id()
        full[variant_id] = in_currencies(text["price"] + text.get("step", 0) * place)
        items.append(
            Item(
                id=variant_id,
                sku=_sku(code, size, color),
                product_id=product_id,
                product_name=text["name"],
                size=size,
                color=color,
                prices=_reduced(text, color, full[variant_id]),
                custom_made=text.get("custom_made", False),
                tax_category=_tax_category(text, shelves),
                weight_grams=weight + weight * place // 20,
                category_ids=shelves.around(text["categories"]),
                can_restock=not (text.get("archived") or text.get("sold_out")),
            )
        )
    return Goods(product_id, text, created_at, rank, items, full)


def _tax_category(text: Mapping[str, Any], shelves: Shelves) -> TaxCategory:
    """What grown-ups can wear too is no children's clothing."""
    if "tax" in text:
        return TaxCategory(text["tax"])
    special = (shelves.taxed_otherwise[slug] for slug in text["categories"] if slug in shelves.taxed_otherwise)
    usual = TaxCategory.CLOTHING if _ADULTS & set(text["audience"]) else TaxCategory.CHILDRENS_CLOTHING
    return next(special, usual)


def _combinations(text: Mapping[str, Any]) -> Iterator[tuple[int, str | None, str]]:
    for color in text["colors"]:
        for place, size in enumerate(text["sizes"] or [None]):
            yield place, size, color


def _sku(code: str, size: str | None, color: str) -> str:
    """SW-036-0-3M-UND; of a colour the first letters of each word."""
    shade = "".join(word[:3].upper() for word in re.findall(r"\w+", color))
    return "-".join(filter(None, (code, (size or "").replace(" ", ""), shade)))


def _reduced(text: Mapping[str, Any], color: str, full: Prices) -> Prices:
    percent = text.get("reduced", 0)
    if not percent or color not in text.get("reduced_colors", text["colors"]):
        return full
    return {currency: reduced(price, percent) for currency, price in full.items()}


def add_goods(rows: Rows, shelves: Shelves, goods: Goods, tally: Tally, ledger: Ledger, random: Random) -> None:
    """Adds a product with all that describes it."""
    text = goods.text
    rows.add(
        Product,
        id=goods.id,
        slug=text["slug"],
        name=text["name"],
        description=text["description"],
        care_instructions=shelves.care[text["care"]],
        brand_id=shelves.makers[text["brand"]].id,
        audience=text["audience"],
        custom_made=text.get("custom_made", False),
        required_measurements=list(goods.measurements),
        tax_category=goods.items[0].tax_category,
        featured_rank=goods.rank,
        created_at=goods.created_at,
        archived_at=goods.archived_at,
        **tally.columns(),
    )
    for category in text["categories"]:
        rows.add(ProductCategory, product_id=goods.id, category_id=shelves.categories[category])
    for position, alt in enumerate(text["pictures"]):
        url = f"{_PICTURES}/{text['slug']}/{position + 1}.jpg"
        rows.add(
            ProductMedia, id=new_id(), product_id=goods.id, position=position, url=url, alt=alt, width=1600, height=2000
        )
    for kind in text.get("alterations", ()):
        _add_alteration(rows, goods.id, kind, shelves.alterations[kind])
    _add_variants(rows, goods, ledger, random)


def _add_alteration(rows: Rows, product_id: UUID, kind: str, terms: Alteration) -> None:
    service_id = new_id()
    rows.add(AlterationService, id=service_id, product_id=product_id, kind=kind, days=terms.days)
    for currency, price in terms.prices.items():
        rows.add(AlterationPrice, service_id=service_id, currency=currency, price=price)


def _add_variants(rows: Rows, goods: Goods, ledger: Ledger, random: Random) -> None:
    for position, item in enumerate(goods.items):
        on_hand = _on_hand(goods, random)
        rows.add(
            Variant,
            id=item.id,
            product_id=goods.id,
            position=position,
            sku=item.sku,
            size=item.size,
            color=item.color,
            archived_at=goods.archived_at,
            weight_grams=item.weight_grams,
            on_hand=on_hand,
        )
        ledger.add_entries(rows, item.id, goods.created_at, on_hand)
        for currency, price in item.prices.items():
            full = goods.full_prices[item.id][currency]
            compare_at = full if full > price else None
            rows.add(VariantPrice, variant_id=item.id, currency=currency, price=price, compare_at=compare_at)
    for currency in CurrencyCode:
        prices = [item.prices[currency] for item in goods.items]
        rows.add(ProductPrice, product_id=goods.id, currency=currency, minimum=min(prices), maximum=max(prices))


def _on_hand(goods: Goods, random: Random) -> int:
    """Pieces on the shelf; for what is made to order, how many more the workshop takes on."""
    if goods.archived_at or goods.text.get("sold_out"):
        return 0
    if goods.text.get("custom_made"):
        return random.randint(2, 6)
    return random.choice((0, 1, 2, 3, 4, 5, 6, 8, 9, 12, 15, 24))
