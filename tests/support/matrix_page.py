"""docs/permissions.md, read as a reviewer reads it: what each caller gets of each field, known from the page alone."""

import re
from dataclasses import dataclass
from pathlib import Path

from app.settings import ROOT
from auth.roles import ROLES
from auth.viewer import Viewer, ViewerKind

PAGE = ROOT / "docs" / "permissions.md"
READ, MASKED = "read", "masked"


@dataclass(frozen=True)
class Told:
    """What the page says of a caller and a field: READ, MASKED, or the code and reason of the error."""

    outcome: str
    code: str | None = None
    reason: str | None = None

    @property
    def refused(self) -> bool:
        return self.outcome not in {READ, MASKED}


def forbidden(reason: str) -> Told:
    return Told("refused", "FORBIDDEN", reason)


@dataclass(frozen=True)
class Line:
    """A row of the page. `staff` are roles with what they read the field for, None where nothing needs to be said."""

    type_name: str
    name: str
    readers: frozenset[str]
    null_but_for: frozenset[str]
    categories: frozenset[str]
    mask: str | None
    staff: dict[str, dict[str, str] | None]

    def of(self, viewer: Viewer) -> Told:
        """What the page promises this caller."""
        if not admitted(self.readers, viewer):
            anonymous = viewer.kind is ViewerKind.ANONYMOUS
            return Told("refused", "UNAUTHENTICATED") if anonymous else forbidden("PERMISSION")
        if not self.guards(viewer):
            return Told(READ)
        assert viewer.staff is not None
        if self.categories or self.type_name == "Mutation":
            if not viewer.staff.second_factor:
                return forbidden("SECOND_FACTOR_REQUIRED")
            if not viewer.staff.acknowledged:
                return forbidden("OBLIGATIONS_NOT_ACKNOWLEDGED")
        return self.for_purpose(viewer, *viewer.staff.roles)

    def guards(self, viewer: Viewer) -> bool:
        """Whether it is by a permission of staff that the caller reads the field."""
        return viewer.kind is ViewerKind.STAFF and not self.readers & {"anyone", "staff"}

    def for_purpose(self, viewer: Viewer, role: str) -> Told:
        readings = self.staff.get(role, {})
        if readings is None:
            return Told(READ)
        purpose = viewer.claim.purpose
        if purpose is None:
            return forbidden("PURPOSE_REQUIRED")
        if purpose in readings:
            return Told(readings[purpose])
        if f"{purpose}+case" not in readings:
            return forbidden("PURPOSE_NOT_ALLOWED")
        return Told(readings[f"{purpose}+case"]) if viewer.claim.case else forbidden("CASE_REQUIRED")


def admitted(readers: frozenset[str], viewer: Viewer) -> bool:
    """Whether one of the readers, in the page's words, is the caller."""
    held = {"anyone"}
    if viewer.kind is ViewerKind.CUSTOMER:
        held.add("owner")
    elif viewer.kind is not ViewerKind.ANONYMOUS:
        kind = viewer.kind.lower()
        permissions = viewer.permissions if viewer.staff is None else ROLES[viewer.staff.roles[0]].permissions
        held |= {kind, *(f"{kind}: {one}" for one in permissions)}
    return not held.isdisjoint(reader.removesuffix(" (masked)") for reader in readers)


@dataclass(frozen=True, eq=False)
class Page:
    """`seen` are readers of a type's rows and whether they see all of them, in the order in which they count."""

    lines: dict[tuple[str, str], Line]
    seen: dict[str, list[tuple[frozenset[str], bool]]]

    def told(self, type_name: str, name: str, viewer: Viewer) -> Told:
        return self.lines[type_name, name].of(viewer)

    def all_told(self, viewer: Viewer) -> tuple[Told, ...]:
        return tuple(line.of(viewer) for line in self.lines.values())

    def tells_of_persons(self, viewer: Viewer) -> bool:
        """Whether anything is read of persons for a purpose."""
        guarded = (line for line in self.lines.values() if line.categories and line.guards(viewer))
        return any(not line.of(viewer).refused for line in guarded)


def read_page(path: Path = PAGE) -> Page:
    lines: dict[tuple[str, str], Line] = {}
    seen: dict[str, list[tuple[frozenset[str], bool]]] = {}
    type_name = ""
    for text in path.read_text().splitlines():
        if text.startswith("## "):
            type_name = text.removeprefix("## ")
        elif text.startswith("Rows that are seen: "):
            rules = text.removeprefix("Rows that are seen: ").removesuffix(".").split("; ")
            seen[type_name] = [(words(rule.removesuffix(" (not all)")), "(not all)" not in rule) for rule in rules]
        elif text.startswith("| ") and not text.startswith(("| field |", "| ---")):
            line = read_line(type_name, *(cell.strip() for cell in text.strip("|").split("|")))
            lines[type_name, line.name] = line
        elif (found := re.fullmatch(r"- (\w+): (.+)", text)) and type_name == "Types that anyone may read":
            for name in found[2].split(", "):
                anyone = frozenset({"anyone"})
                lines[found[1], name] = Line(found[1], name, anyone, frozenset(), frozenset(), None, {})
    return Page(lines, seen)


def read_line(type_name: str, name: str, readers: str, categories: str, staff: str) -> Line:
    who, _, but_for = readers.partition(" (null but for ")
    what, _, mask = categories.partition(" as ")
    return Line(
        type_name, name, words(who), words(but_for.removesuffix(")")), words(what), mask or None, read_staff(staff)
    )


def words(text: str) -> frozenset[str]:
    return frozenset(text.split(", ")) - {""}


def read_staff(text: str) -> dict[str, dict[str, str] | None]:
    """`owner, privacy: ACCESS, LEGAL_SAFETY+case; floor: PRODUCTS masked; tailor`."""
    if text in {"none", "everyone"}:
        return dict.fromkeys(ROLES if text == "everyone" else ())
    found: dict[str, dict[str, str] | None] = {}
    for group in text.split("; "):
        roles, colon, readings = group.partition(": ")
        named = [one.partition(" ") for one in readings.split(", ")] if colon else None
        for role in roles.split(", "):
            found[role] = None if named is None else {purpose: how or READ for purpose, _, how in named}
    return found
