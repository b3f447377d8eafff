"""docs/permissions.md: the whole matrix of who may read what, so that a change of access shows in a review."""

from collections.abc import Iterator
from itertools import groupby

from graphql import GraphQLSchema

from app.matrix import Row, Ruling, Verdict, rows
from auth.permissions import is_public
from models.classification import Mask, Purpose
from reads.declare import ENTITIES, Entity

HEAD = """\
# Who may read what

Made by `make schema` from the declarations in `schema/`, `resolvers/`, `models/` and `auth/roles.py`.

Each field names its **readers**: anyone, the owner of the row, staff or partners by a permission. **Of persons** are
the categories of personal data that the field tells, by its value or by which rows it finds. **Staff** who read it by a
permission do so for a purpose (`X-Purpose`) alone, `+case` where `X-Case` has to name a ticket or matter, and not
without a second factor and a current acknowledgement of the obligations; the read is recorded for the person. Whoever
is not named is refused. An argument has a row of its own, as `field(argument)`, where it asks for more than its field.
Mutations and subscriptions are called, not read.
"""
EVERYONE = "everyone"


def page(schema: GraphQLSchema) -> str:
    """The page's text."""
    by_type = {name: list(found) for name, found in groupby(rows(schema), lambda row: row.disclosure.field.type_name)}
    entities = {entity.name: entity for entity in ENTITIES.values()}
    public = {name for name, found in by_type.items() if all(is_public(row.disclosure.field.readers) for row in found)}
    lines = [HEAD]
    for name, found in by_type.items():
        if name not in public or seen_by_some(entities.get(name)):
            lines += [*table(name, found, entities.get(name)), ""]
    lines += ["## Types that anyone may read", ""]
    for name in sorted(public):
        lines.append(f"- {name}: {', '.join(row.disclosure.field.name for row in by_type[name])}")
    return "\n".join(lines) + "\n"


def seen_by_some(entity: Entity | None) -> bool:
    return entity is not None and any(not is_public(rule.readers) for rule in entity.visible)


def table(name: str, found: list[Row], entity: Entity | None) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    if entity is not None and entity.visible:
        seen = (f"{shown(rule.readers)}{' (not all)' * (rule.where is not None)}" for rule in entity.visible)
        yield f"Rows that are seen: {'; '.join(seen)}."
        yield ""
    yield "| field | readers | of persons | staff |"
    yield "| --- | --- | --- | --- |"
    for row in found:
        yield f"| {row.disclosure.field.name} | {read_by(row)} | {of_persons(row)} | {staff(row)} |"


def read_by(row: Row) -> str:
    """The readers, and those for whom alone there is something to read."""
    seen_by = row.disclosure.seen_by
    return shown(row.disclosure.field.readers) + (f" (null but for {shown(seen_by)})" if seen_by else "")


def shown(readers: object) -> str:
    assert isinstance(readers, tuple)
    return ", ".join(str(reader) for reader in readers)


def of_persons(row: Row) -> str:
    """The categories, and how a value is masked for those who only recognise it."""
    masked = any(reader.masked for reader in row.disclosure.field.readers)
    masks = {one.mask for one in row.disclosure.personal}
    how = f" as {(masks.pop() if len(masks) == 1 else Mask.HIDDEN).value}" if masked and masks else ""
    return ", ".join(sorted({one.category for one in row.disclosure.personal})) + how


def staff(row: Row) -> str:
    """The roles that read the field, each with what for; roles with the same are named together."""
    cells: dict[str, list[str]] = {}
    for role in row.plain:
        if (cell := what_for(row, role)) is not None:
            cells.setdefault(cell, []).append(role)
    if cells.get("") == list(row.plain):
        return EVERYONE
    return "; ".join(f"{', '.join(roles)}{cell}" for cell, roles in cells.items()) or "none"


def what_for(row: Row, role: str) -> str | None:
    """What a role reads the field for: nothing need be said, or purposes; None where it never does."""
    plain, readings = row.plain[role], row.readings[role]
    if plain.verdict is not Verdict.REFUSED:
        return masked(plain)
    words = []
    for purpose in Purpose:
        alone, with_case = (found for one, found in readings.items() if one.purpose is purpose)
        if alone.verdict is not Verdict.REFUSED:
            words.append(f"{purpose}{masked(alone)}")
        elif with_case.verdict is not Verdict.REFUSED:
            words.append(f"{purpose}+case{masked(with_case)}")
    return f": {', '.join(words)}" if words else None


def masked(ruling: Ruling) -> str:
    return " masked" if ruling.verdict is Verdict.MASKED else ""
