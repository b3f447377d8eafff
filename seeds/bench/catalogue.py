"""Products of the large shop. Everything but the keys follows from a product's number."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models.catalogue import (
    AlterationKind,
    AlterationPrice,
    AlterationService,
    Audience,
    Brand,
    Category,
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
from seeds.bench import words
from seeds.ledger import Ledger
from seeds.prices import in_currencies
from seeds.purchases import Item, Service
from seeds.ratings import Tally
from seeds.rows import Rows

VARIANTS = 4
HEM = Service(AlterationKind.HEM, None, 5, in_currencies(18))
"""The one thing that the tailor of the large shop does."""
_BRANDS = 40
_SHELVES_PER_AUDIENCE = 6
_PICTURES = "https://pictures.layette.example/bench"
_SIZES = {
    Audience.WOMEN: ("XS", "S", "M", "L", "XL"),
    Audience.MATERNITY: ("34", "36", "38", "40", "42"),
    Audience.BABY: ("0-3M", "3-6M", "6-12M", "12-18M", "18-24M"),
    Audience.GIRLS: ("2Y", "4Y", "6Y", "8Y", "10Y"),
    Audience.BOYS: ("2Y", "4Y", "6Y", "8Y", "10Y"),
}
_AUDIENCES = tuple(Audience)


class Catalogue:
    """Makes products one after another, and remembers their keys for orders and reviews."""

    def __init__(self, rows: Rows, now: datetime) -> None:
        self._rows = rows
        self._now = now
        self.categories: dict[str, UUID] = {}
        self.products: list[UUID] = []
        self._variants: list[UUID] = []
        self._brands = [new_id() for _ in range(_BRANDS)]
        self._shelves = [new_id() for _ in range(len(_AUDIENCES) * _SHELVES_PER_AUDIENCE)]

    def add_shelves(self) -> None:
        """Brands, and categories in two levels: an audience, and shelves below it."""
        for number, brand_id in enumerate(self._brands):
            maker = words.MAKERS[number % len(words.MAKERS)]
            self._rows.add(Brand, id=brand_id, slug=f"{maker.lower()}-{number}", name=f"{maker} {number}")
        for position, audience in enumerate(_AUDIENCES):
            name = audience.capitalize()
            parent_id = new_id()
            self._add_category(parent_id, name, None, position)
            first = position * _SHELVES_PER_AUDIENCE
            for place, shelf_id in enumerate(self._shelves[first : first + _SHELVES_PER_AUDIENCE]):
                self._add_category(shelf_id, f"{name} {words.GARMENTS[place]}", parent_id, place)

    def _add_category(self, key: UUID, name: str, parent_id: UUID | None, position: int) -> None:
        slug = name.lower().replace(" ", "-")
        self.categories[slug] = key
        self._rows.add(Category, id=key, slug=slug, name=name, parent_id=parent_id, position=position)

    def add_product(self, number: int, tally: Tally) -> None:
        """The next product, with its variants and prices; `number` counts from 0."""
        rows, product_id = self._rows, new_id()
        self.products.append(product_id)
        rows.add(Product, id=product_id, **self._product(number), **tally.columns())
        rows.add(ProductCategory, product_id=product_id, category_id=self._shelf(number))
        for position in range(2):
            url = f"{_PICTURES}/{number}/{position + 1}.jpg"
            alt = f"{product_name(number)}, {'front' if position == 0 else 'detail'}"
            rows.add(
                ProductMedia,
                id=new_id(),
                product_id=product_id,
                position=position,
                url=url,
                alt=alt,
                width=1600,
                height=2000,
            )
        if number % 3 == 0:
            self._add_alteration(product_id)
        self._add_variants(number, product_id)

    def _shelf(self, number: int) -> UUID:
        audience = number % len(_AUDIENCES)
        return self._shelves[number * 7 % len(self._shelves) // len(_AUDIENCES) + audience * _SHELVES_PER_AUDIENCE]

    def add_ledger(self, number: int, ledger: Ledger) -> None:
        """What came of a product's variants and went, once all orders are made."""
        for place in range(VARIANTS):
            variant_id = self._variants[number * VARIANTS + place]
            ledger.add_entries(self._rows, variant_id, self._arrived_at(number), on_hand(number, place))

    def _arrived_at(self, number: int) -> datetime:
        return self._now - timedelta(hours=number * 11 % 17_520, minutes=number % 60)

    def _product(self, number: int) -> dict[str, Any]:
        name = product_name(number)
        described = (words.DESCRIPTIONS[(number + step) % len(words.DESCRIPTIONS)] for step in (0, 2, 3))
        return {
            "slug": f"{name.lower().replace(' ', '-')}-{number}",
            "name": name,
            "description": " ".join(described),
            "care_instructions": words.CARE,
            "brand_id": self._brands[number % _BRANDS],
            "audience": [_AUDIENCES[number % len(_AUDIENCES)]],
            "featured_rank": number * 7919 % 1_000_003,
            "tax_category": _tax_category(number),
            "created_at": self._arrived_at(number),
        }

    def _add_alteration(self, product_id: UUID) -> None:
        service_id = new_id()
        self._rows.add(AlterationService, id=service_id, product_id=product_id, kind=HEM.kind, days=HEM.days)
        for currency, price in HEM.prices.items():
            self._rows.add(AlterationPrice, service_id=service_id, currency=currency, price=price)

    def _add_variants(self, number: int, product_id: UUID) -> None:
        items = []
        for place in range(VARIANTS):
            self._variants.append(new_id())
            items.append(self.item(number, place))
            self._rows.add(
                Variant,
                id=items[-1].id,
                product_id=product_id,
                position=place,
                sku=items[-1].sku,
                size=items[-1].size,
                color=items[-1].color,
                weight_grams=items[-1].weight_grams,
                on_hand=on_hand(number, place),
            )
            for currency, price in items[-1].prices.items():
                compare_at = price + price // 4 if number % 8 == 0 else None
                self._rows.add(
                    VariantPrice, variant_id=items[-1].id, currency=currency, price=price, compare_at=compare_at
                )
        for currency in CurrencyCode:
            prices = [item.prices[currency] for item in items]
            self._rows.add(
                ProductPrice, product_id=product_id, currency=currency, minimum=min(prices), maximum=max(prices)
            )

    def item(self, number: int, place: int) -> Item:
        """A variant of a product that was added: two sizes in two colours."""
        sizes = _SIZES[_AUDIENCES[number % len(_AUDIENCES)]]
        return Item(
            id=self._variants[number * VARIANTS + place],
            sku=f"B{number:06}-{place}",
            product_id=self.products[number],
            product_name=product_name(number),
            size=sizes[(number + place // 2) % len(sizes)],
            color=words.COLORS[(number + place % 2) % len(words.COLORS)],
            prices=in_currencies(20 + number * 37 % 280 + place // 2 * 4),
            tax_category=_tax_category(number),
            weight_grams=120 + number * 53 % 900,
            category_ids=frozenset({self._shelf(number)}),
        )


def on_hand(number: int, place: int) -> int:
    """Pieces of a product's variant."""
    return (number * 13 + place * 5) % 23


def _tax_category(number: int) -> TaxCategory:
    adults = _AUDIENCES[number % len(_AUDIENCES)] in {Audience.WOMEN, Audience.MATERNITY}
    return TaxCategory.CLOTHING if adults else TaxCategory.CHILDRENS_CLOTHING


def product_name(number: int) -> str:
    fabric = words.FABRICS[number % len(words.FABRICS)]
    style = words.STYLES[number // 3 % len(words.STYLES)]
    return f"{style} {fabric} {words.GARMENTS[number // 7 % len(words.GARMENTS)]}"
