"""Brands, categories and the tailor's price list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.catalogue import AlterationKind, Brand, Category, TaxCategory
from models.ids import new_id
from seeds.demo import data
from seeds.prices import Prices, in_currencies
from seeds.rows import Rows


@dataclass(frozen=True, slots=True)
class Maker:
    """A brand; its code begins the SKUs."""

    id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class Alteration:
    prices: Prices
    days: int


@dataclass(frozen=True, slots=True)
class Shelves:
    """What products refer to, by the names that they use."""

    makers: Mapping[str, Maker]
    categories: Mapping[str, UUID]
    parents: Mapping[str, str]
    care: Mapping[str, str]
    alterations: Mapping[AlterationKind, Alteration]
    weights: Mapping[str, int]
    taxed_otherwise: Mapping[str, TaxCategory]

    def around(self, slugs: Sequence[str]) -> frozenset[UUID]:
        """The keys of these shelves and of those that they are within."""
        return frozenset(self.categories[name] for slug in slugs for name in (slug, self.parents.get(slug, slug)))


def add_shelves(rows: Rows) -> Shelves:
    listed = data.read("shelves")
    return Shelves(
        makers={brand["slug"]: _add_brand(rows, **brand) for brand in listed["brand"]},
        categories=_add_categories(rows, listed["category"]),
        parents={child: parent["slug"] for parent in listed["category"] for child, _ in parent["children"]},
        care=listed["care"],
        alterations={
            AlterationKind(kind): Alteration(in_currencies(terms["price"]), terms["days"])
            for kind, terms in listed["alteration"].items()
        },
        weights=listed["weight"],
        taxed_otherwise={slug: TaxCategory(word) for word, slugs in listed["tax"].items() for slug in slugs},
    )


def _add_brand(rows: Rows, *, slug: str, name: str, code: str) -> Maker:
    maker = Maker(new_id(), code)
    rows.add(Brand, id=maker.id, slug=slug, name=name)
    return maker


def _add_categories(rows: Rows, listed: list[dict[str, Any]]) -> dict[str, UUID]:
    ids: dict[str, UUID] = {}

    def add(slug: str, name: str, parent: str | None, position: int) -> None:
        ids[slug] = new_id()
        rows.add(Category, id=ids[slug], slug=slug, name=name, parent_id=parent and ids[parent], position=position)

    for position, department in enumerate(listed):
        add(department["slug"], department["name"], None, position)
        for place, (slug, name) in enumerate(department["children"]):
            add(slug, name, department["slug"], place)
    return ids
