"""What clients were promised: the schema of the newest release, kept beside the present one, and what would break it.

What goes is deprecated first, in a release, with its replacement and the day from which it may go.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    GraphQLSchema,
    Node,
    StringValueNode,
    Visitor,
    build_ast_schema,
    build_schema,
    parse,
    visit,
)
from graphql.utilities import find_breaking_changes

from app.settings import ROOT

RELEASED = Path("schema/released.graphql")
NEXT = (
    'What goes is deprecated first, with a reason as "Use `other`; goes on 2027-01-31.", and released so '
    "(schema --release): once its day has come it may go. Bring back what is missing, and add beside what is to change."
)
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def complaints(present: str, released: str | None, today: date) -> list[str]:
    """What is wrong with the present schema for those who rely on the released one, and what to do about it."""
    if released is None:
        return [f"{RELEASED} is missing: `schema --release` writes it"]
    broken = [f"breaks clients: {change}" for change in breaks(present, released, today)]
    undated = [f"{name} is deprecated without a day from which it may go" for name in _undated(parse(present))]
    return [*broken, *undated, NEXT] if broken or undated else []


def breaks(present: str, released: str, today: date) -> list[str]:
    """The changes since the release that break a client, but for those that were announced for a day that has come."""
    document = parse(released)
    promised = visit(document, _Announced(today))
    announced = _led_to(build_ast_schema(document)) - _led_to(build_ast_schema(promised))
    changes = find_breaking_changes(build_ast_schema(promised), build_schema(present))
    told = {f"{name} was removed." for name in announced}
    return [change.description for change in changes if change.description not in told]


def release(present: str) -> list[str]:
    """Promises the present schema to clients. Writes nothing where there are complaints, and gives them."""
    kept = read()
    found = [] if kept is None else complaints(present, kept, today())
    if not found:
        (ROOT / RELEASED).write_text(present)
    return found


def read() -> str | None:
    """The released schema; None where there is none yet."""
    file = ROOT / RELEASED
    return file.read_text() if file.exists() else None


def today() -> date:
    return datetime.now(UTC).date()


class _Announced(Visitor):
    """Takes out what was announced to go by this day."""

    def __init__(self, today: date) -> None:
        super().__init__()
        self.today = today

    def enter(self, node: Node, *_: Any) -> Any:
        reason = _deprecation(node)
        day = None if reason is None else _day(reason)
        return REMOVE if day is not None and day <= self.today else None


def _led_to(schema: GraphQLSchema) -> set[str]:
    """The types that some operation gets to by its fields."""
    return set(GraphQLSchema(schema.query_type, schema.mutation_type, schema.subscription_type).type_map)


def _undated(document: DocumentNode) -> Iterator[str]:
    for name, member in _members(document):
        reason = _deprecation(member)
        if reason is not None and _day(reason) is None:
            yield name


def _members(document: DocumentNode) -> Iterator[tuple[str, Node]]:
    """Fields, their arguments, and values of enums, by name."""
    definitions: tuple[Any, ...] = document.definitions
    for definition in definitions:
        for part in (*(getattr(definition, "fields", None) or ()), *(getattr(definition, "values", None) or ())):
            name = f"{definition.name.value}.{part.name.value}"
            yield name, part
            for argument in getattr(part, "arguments", None) or ():
                yield f"{name}({argument.name.value})", argument


def _deprecation(node: Node) -> str | None:
    """The reason that is given for not using it any more; empty without one, None where it may be used."""
    directives: tuple[DirectiveNode, ...] = getattr(node, "directives", None) or ()
    for directive in directives:
        if directive.name.value == "deprecated":
            reasons = [one.value.value for one in directive.arguments or () if isinstance(one.value, StringValueNode)]
            return "".join(reasons)
    return None


def _day(reason: str) -> date | None:
    found = _DAY.search(reason)
    try:
        return None if found is None else date.fromisoformat(found[0])
    except ValueError:
        return None
