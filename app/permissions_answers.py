"""Who may read a field, and for what, in lines of text."""

from collections.abc import Iterator

from graphql import GraphQLSchema

from app.matrix import Row, Ruling, rows
from app.permissions_page import of_persons, what_for
from auth.roles import ROLES
from models.classification import Purpose


def answers(schema: GraphQLSchema, what: str, role: str, purpose: Purpose | None) -> Iterator[str]:
    """About `Type`, `Type.field`, `Type.field(argument)`, or "" for everything: to all callers, or to one role."""
    for row in rows(schema):
        field = row.disclosure.field
        name = f"{field.type_name}.{field.name}"
        if what in {"", field.type_name, name}:
            yield f"{name}  {of_persons(row)}".rstrip()
            yield from callers(row, role, purpose)


def callers(row: Row, role: str, purpose: Purpose | None) -> Iterator[str]:
    if not role:
        for caller, ruling in row.others.items():
            yield f"  {caller:<24}{in_words(ruling)}"
    for one in [role] if role else ROLES:
        yield f"  {one:<24}{of_role(row, one, purpose)}"


def of_role(row: Row, role: str, purpose: Purpose | None) -> str:
    """All that the role reads the field for, or what comes of one purpose."""
    if purpose is None:
        found = what_for(row, role)
        return found.removeprefix(": ") if found else in_words(row.plain[role])
    alone, with_case = (found for one, found in row.readings[role].items() if one.purpose is purpose)
    told = in_words(alone)
    return told if alone == with_case else f"{told}; with a case {in_words(with_case)}"


def in_words(ruling: Ruling) -> str:
    why = ruling.reason or ruling.code
    return ruling.verdict.lower() if why is None else f"{ruling.verdict.lower()}: {why}"
