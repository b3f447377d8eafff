"""The catalogue as a table of text, one row a variant: what the columns mean, and every mistake with its line.

Rows of one slug are one product and say the same of it. A column that is not there leaves what it is about as it is; an
empty cell clears it. Variants are known by their SKU; those that a file does not name stay as they are. Pictures and
alterations are not in the table.

Cells are written exactly as they are stored, also where one begins with `=`, `+`, `-` or `@`, which a spreadsheet may
take for a formula. A mark put before it would come back with the next import as part of a name, and no such mark is
safe in every program; whoever may write the catalogue is trusted with it, and what customers write is not in it.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from typing import Any

from auth.refusal import Refusal
from commerce import product_draft, text
from commerce.product_state import ProductState, VariantState, in_order
from commerce.table_cells import amount, flag, grams, one_word, written_amount, written_flag
from models.catalogue import Audience, CurrencyCode, MeasurementName, TaxCategory

PRICE, COMPARE_AT = "price_", "compare_at_"
AMOUNTS = [f"{kind}{currency}" for kind in (PRICE, COMPARE_AT) for currency in CurrencyCode]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a line of the file; the header is line 1."""

    line: int
    message: str
    column: str | None = None

    def __str__(self) -> str:
        return f"line {self.line}: {self.column + ': ' if self.column else ''}{self.message}"


@dataclass(slots=True)
class VariantRow:
    """What a line says of its variant: checked values by name, amounts by currency, None for an empty cell."""

    line: int
    sku: str
    values: dict[str, Any]
    prices: dict[CurrencyCode, int | None]
    compare_at: dict[CurrencyCode, int | None]


@dataclass(slots=True)
class ProductRows:
    """What the lines of one slug say: checked values by name, and the variants."""

    line: int
    slug: str
    values: dict[str, Any]
    variants: list[VariantRow] = field(default_factory=list)


def _words(cell: str, path: tuple[str, ...], *, words: type[Any]) -> tuple[Any, ...] | Refusal:
    found = [one_word(word, path, words) for word in cell.split()]
    refused = next((one for one in found if isinstance(one, Refusal)), None)
    return refused or in_order(words, found)


def _slugs(cell: str, path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cell.split())


def _brand(cell: str, path: tuple[str, ...]) -> str | None:
    return cell.strip() or None


def _tax_category(cell: str, path: tuple[str, ...]) -> TaxCategory | Refusal:
    return one_word(cell.strip(), path, TaxCategory) if cell.strip() else TaxCategory.STANDARD


def _line(cell: str, path: tuple[str, ...], *, limit: int) -> str | Refusal | None:
    return text.line(cell, field=path, limit=limit) or None


PRODUCT_COLUMNS: Mapping[str, Callable[[str, tuple[str, ...]], Any]] = {
    "name": product_draft.name,
    "brand": _brand,
    "categories": _slugs,
    "audience": partial(_words, words=Audience),
    "tax_category": _tax_category,
    "custom_made": flag,
    "required_measurements": partial(_words, words=MeasurementName),
    "archived": flag,
    "description": product_draft.CHECKS["description"],
    "care_instructions": product_draft.CHECKS["care_instructions"],
}
"""What is said of a product, each with its check. Lists are words with spaces between them."""

VARIANT_COLUMNS: Mapping[str, Callable[[str, tuple[str, ...]], Any]] = {
    "size": partial(_line, limit=product_draft.SIZE_LIMIT),
    "color": partial(_line, limit=product_draft.COLOR_LIMIT),
    "weight_grams": grams,
    "variant_archived": flag,
}

HEADER = ["slug", "name", "sku", *VARIANT_COLUMNS, *AMOUNTS, *(name for name in PRODUCT_COLUMNS if name != "name")]
KNOWN = frozenset(HEADER)
NEEDED = ("slug", "sku")


# ---- writing


def header_line() -> str:
    return _csv_line(HEADER)


def product_lines(product: ProductState, brand: str | None, categories: Sequence[str]) -> str:
    """The product's rows; `brand` and `categories` are slugs."""
    said = {
        "slug": product.slug,
        "name": product.name,
        "brand": brand or "",
        "categories": " ".join(categories),
        "audience": " ".join(product.audience),
        "tax_category": product.tax_category,
        "custom_made": written_flag(product.custom_made),
        "required_measurements": " ".join(product.required_measurements),
        "archived": written_flag(product.archived_at is not None),
        "description": product.description or "",
        "care_instructions": product.care_instructions or "",
    }
    lineup = {one.id for one in product.lineup}
    rows = (said | _variant_cells(one, archived=one.id not in lineup) for one in product.variants)
    return "".join(_csv_line([row[name] for name in HEADER]) for row in rows)


def _variant_cells(variant: VariantState, *, archived: bool) -> dict[str, str]:
    """`archived`: given up while the product goes on."""
    cells = {
        "sku": variant.sku,
        "size": variant.size or "",
        "color": variant.color or "",
        "weight_grams": "" if variant.weight_grams is None else str(variant.weight_grams),
        "variant_archived": written_flag(archived),
    }
    for currency in CurrencyCode:
        price = variant.prices.get(currency)
        cells[f"{PRICE}{currency}"] = written_amount(price.price if price else None)
        cells[f"{COMPARE_AT}{currency}"] = written_amount(price.compare_at if price else None)
    return cells


def _csv_line(cells: Sequence[str]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


# ---- reading


def read(content: bytes) -> tuple[list[ProductRows], list[Mistake]]:
    """The products in a file of UTF-8, in their order, and what is wrong with it."""
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [], [Mistake(1 + content.count(b"\n", 0, error.start), "This is not written in UTF-8.")]
    reading = _Reading()
    try:
        rows = _numbered(decoded)
        _, header = next(rows, (1, []))
        if wrong := _header_mistakes(header):
            return [], wrong
        for line, cells in rows:
            reading.add(line, header, cells)
    except _BrokenError as broken:
        reading.mistakes.append(Mistake(broken.line, "This is no CSV: a quote is not closed, or is where none may be."))
    return list(reading.products.values()), reading.mistakes


class _BrokenError(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def _numbered(decoded: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line that it begins in."""
    reader = csv.reader(StringIO(decoded, newline=""), strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise _BrokenError(begins) from None
        if any(cell.strip() for cell in cells):
            yield begins, cells
        begins = reader.line_num + 1


def _header_mistakes(header: Sequence[str]) -> list[Mistake]:
    missing = [Mistake(1, "This column is needed.", name) for name in NEEDED if name not in header]
    unknown = [Mistake(1, "There is no such column.", name or "?") for name in header if name not in KNOWN]
    twice = [Mistake(1, "This column is there twice.", name) for name in KNOWN if header.count(name) > 1]
    return [*missing, *unknown, *twice]


@dataclass(slots=True)
class _Reading:
    products: dict[str, ProductRows] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    _lines: dict[str, int] = field(default_factory=dict)

    def add(self, line: int, header: Sequence[str], cells: Sequence[str]) -> None:
        if len(cells) != len(header):
            self.mistakes.append(Mistake(line, f"There are {len(cells)} cells, and {len(header)} columns."))
            return
        row = dict(zip(header, cells, strict=True))
        before = len(self.mistakes)
        slug = self._checked(line, "slug", product_draft.slug(row["slug"], ("slug",)))
        sku = self._checked(line, "sku", product_draft.sku(row["sku"], ("sku",)))
        said = self._values(line, row, PRODUCT_COLUMNS)
        values = self._values(line, row, VARIANT_COLUMNS)
        prices, compare_at = self._amounts(line, row, PRICE), self._amounts(line, row, COMPARE_AT)
        if len(self.mistakes) > before:
            return
        if sku in self._lines:
            self.mistakes.append(Mistake(line, f"This is in line {self._lines[sku]} already.", "sku"))
            return
        self._lines[sku] = line
        product = self.products.setdefault(slug, ProductRows(line, slug, said))
        for name in (name for name, value in said.items() if value != product.values[name]):
            self.mistakes.append(Mistake(line, f"Line {product.line} says otherwise of the same product.", name))
        product.variants.append(VariantRow(line, sku, values, prices, compare_at))

    def _values(self, line: int, row: Mapping[str, str], columns: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._checked(line, name, check(row[name], (name,))) for name, check in columns.items() if name in row
        }

    def _amounts(self, line: int, row: Mapping[str, str], kind: str) -> dict[CurrencyCode, int | None]:
        named = {currency: f"{kind}{currency}" for currency in CurrencyCode}
        return {
            currency: self._checked(line, name, amount(row[name], (name,)))
            for currency, name in named.items()
            if name in row
        }

    def _checked(self, line: int, column: str, found: Any) -> Any:
        if isinstance(found, Refusal):
            self.mistakes.append(Mistake(line, found.message, column))
        return found
