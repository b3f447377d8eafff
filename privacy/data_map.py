"""The data map: every stored column, what it is, why it is kept, how long and how it goes."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import MetaData

from models.classification import Personal, classification


@dataclass(frozen=True, slots=True)
class Entry:
    """One column; `reason` says of one that is not personal why."""

    table: str
    column: str
    category: str | None
    subject: str | None
    purposes: tuple[str, ...]
    sources: tuple[str, ...]
    retention: str
    erasure: str
    exported: bool
    reason: str | None


def data_map(metadata: MetaData) -> Iterator[Entry]:
    """All columns of all tables, by name."""
    for table in sorted(metadata.tables.values(), key=lambda table: table.name):
        for column in table.columns:
            found = classification(column)
            if isinstance(found, Personal):
                yield Entry(
                    table.name,
                    column.name,
                    found.category,
                    found.subject,
                    tuple(sorted(found.purposes)),
                    tuple(sorted(found.sources)),
                    found.retention,
                    found.erasure.value,
                    found.exported,
                    None,
                )
            else:
                kept = "with its row"
                yield Entry(table.name, column.name, None, None, (), (), kept, "WITH_ROW", False, found.reason)
