"""Who may read a field or call an operation: one declaration, one function that decides.

A `Reader` is declared beside each field. Ownership of rows is not decided here: the root of an operation restricts its
rows to the viewer's own in the statement itself, and `OWNER` says that a field may then be read.
"""

from dataclasses import dataclass
from enum import StrEnum

from auth.viewer import Access, ViewerKind


class Denial(StrEnum):
    """Why a field is refused; the value is the error's extensions.code."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class Reader:
    """A kind of caller, with the permission or scope it needs."""

    kind: ViewerKind | None
    permission: str | None = None

    def __str__(self) -> str:
        if self.kind is None:
            return "anyone"
        name = "owner" if self.kind is ViewerKind.CUSTOMER else self.kind.value.lower()
        return f"{name}: {self.permission}" if self.permission else name

    def admits(self, access: Access) -> bool:
        if self.kind is None:
            return True
        return access.kind is self.kind and (self.permission is None or self.permission in access.permissions)


Readers = tuple[Reader, ...]

ANYONE: Readers = (Reader(None),)
OWNER: Readers = (Reader(ViewerKind.CUSTOMER),)
SIGNED_IN: Readers = (Reader(ViewerKind.CUSTOMER), Reader(ViewerKind.STAFF))


def staff(permission: str) -> Readers:
    """Staff who hold the permission, a `noun:verb`."""
    if permission.count(":") != 1:
        raise ValueError(f"{permission!r} is not noun:verb")
    return (Reader(ViewerKind.STAFF, permission),)


def partner(scope: str) -> Readers:
    """Partners whose key has the scope."""
    return (Reader(ViewerKind.PARTNER, scope),)


def is_public(readers: Readers) -> bool:
    return any(reader.kind is None for reader in readers)


def denial(readers: Readers, access: Access) -> Denial | None:
    """None where one of the readers admits the caller; else why not. No readers at all admit no one."""
    if any(reader.admits(access) for reader in readers):
        return None
    return Denial.UNAUTHENTICATED if access.kind is ViewerKind.ANONYMOUS else Denial.FORBIDDEN
