"""Files in the repository that are made from the declarations, so that a review sees what a change does to them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import models
from app import permissions_page, released
from app.settings import ROOT
from privacy.data_map import data_map
from privacy.retention import RULES, named
from resolvers.root import SCHEMA, core_schema

SNAPSHOT = Path("schema/schema.graphql")


def sdl() -> str:
    """The schema in GraphQL's language, with who may read each field."""
    return SCHEMA.as_str().rstrip() + "\n"


def permissions() -> str:
    """Who may read what."""
    return permissions_page.page(core_schema())


def data_map_page() -> str:
    """Each stored column with its classification."""
    lines = [
        "# Data map",
        "",
        "Made by `make schema` from the declarations in `models/`. Columns that are not personal say why.",
        "",
    ]
    table = None
    for entry in data_map(models.metadata):
        if entry.table != table:
            table = entry.table
            heading = "| column | category | purposes | sources | retention | erasure | exported |"
            lines += ["", f"## {table}", "", heading, "| --- | --- | --- | --- | --- | --- | --- |"]
        if entry.category is None:
            lines.append(f"| {entry.column} | not personal: {entry.reason} | | | {entry.retention} | | |")
        else:
            words = (entry.category, ", ".join(entry.purposes), ", ".join(entry.sources), entry.retention)
            exported = "yes" if entry.exported else "no"
            lines.append(f"| {entry.column} | {' | '.join(words)} | {entry.erasure} | {exported} |")
    return "\n".join(lines) + "\n"


def retention_page() -> str:
    """Each rule, and the tables that it is for."""
    tables: dict[str, list[str]] = {}
    for table, name in named(models.metadata):
        tables.setdefault(name, []).append(table)
    rows = [f"| {name} | {rule.text} | {', '.join(sorted(tables.get(name, [])))} |" for name, rule in RULES.items()]
    head = [
        "# Retention",
        "",
        "Made by `make schema` from `privacy/retention.py` and the declarations in `models/`.",
        "",
    ]
    return "\n".join([*head, "| rule | kept | tables |", "| --- | --- | --- |", *rows]) + "\n"


PAGES: dict[Path, Callable[[], str]] = {
    SNAPSHOT: sdl,
    Path("docs/permissions.md"): permissions,
    Path("docs/data-map.md"): data_map_page,
    Path("docs/retention.md"): retention_page,
}


def write() -> Iterator[Path]:
    """Writes the files anew; gives those that changed."""
    for path, make in PAGES.items():
        text = make()
        if _kept(path) != text:
            (ROOT / path).write_text(text)
            yield path


def complaints() -> list[str]:
    """What is wrong with the committed files: not what the program makes, or a break with what clients rely on."""
    stale = [f"{path} is not current: run `make schema`" for path, make in PAGES.items() if _kept(path) != make()]
    return stale + released.complaints(sdl(), released.read(), released.today())


def _kept(path: Path) -> str | None:
    file = ROOT / path
    return file.read_text() if file.exists() else None
