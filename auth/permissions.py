"""Who may read a field or call an operation: one declaration, one function that decides.

A `Reader` is declared beside each field. Ownership of rows is not decided here: the root of an operation restricts its
rows to the viewer's own in the statement itself, and `OWNER` says that a field may then be read. What staff read of a
person needs more than a reader: a current acknowledgement, and a purpose that column and role allow (P41, P52).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from auth.scopes import SCOPES
from auth.viewer import Access, ViewerKind
from models.classification import Personal


class Code(StrEnum):
    """The error's extensions.code."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"


class Reason(StrEnum):
    """The error's extensions.reason: what the caller can do about it."""

    PERMISSION = "PERMISSION"
    PURPOSE_REQUIRED = "PURPOSE_REQUIRED"
    PURPOSE_NOT_ALLOWED = "PURPOSE_NOT_ALLOWED"
    CASE_REQUIRED = "CASE_REQUIRED"
    OBLIGATIONS_NOT_ACKNOWLEDGED = "OBLIGATIONS_NOT_ACKNOWLEDGED"
    SECOND_FACTOR_REQUIRED = "SECOND_FACTOR_REQUIRED"
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"


@dataclass(frozen=True, slots=True)
class Denial:
    code: Code
    reason: Reason | None = None


UNAUTHENTICATED = Denial(Code.UNAUTHENTICATED)
NO_PERMISSION = Denial(Code.FORBIDDEN, Reason.PERMISSION)


@dataclass(frozen=True, slots=True)
class Reader:
    """A kind of caller and the permission or scope it needs; a masked reader recognises a value without reading it."""

    kind: ViewerKind | None
    permission: str | None = None
    masked: bool = False

    def __str__(self) -> str:
        if self.kind is None:
            return "anyone"
        name = "owner" if self.kind is ViewerKind.CUSTOMER else self.kind.value.lower()
        return f"{name}: {self.permission}{' (masked)' * self.masked}" if self.permission else name

    def admits(self, access: Access) -> bool:
        if self.kind is None:
            return True
        return access.kind is self.kind and (self.permission is None or self.permission in access.permissions)


Readers = tuple[Reader, ...]

ANYONE: Readers = (Reader(None),)
OWNER: Readers = (Reader(ViewerKind.CUSTOMER),)
MEMBER: Readers = (Reader(ViewerKind.STAFF),)
"""Any member of staff, about themselves: the rows have to be their own, and reading those needs no purpose."""

PARTNER: Readers = (Reader(ViewerKind.PARTNER),)
SIGNED_IN: Readers = OWNER + MEMBER


def staff(permission: str) -> Readers:
    """Staff who hold the permission, a `noun:verb`."""
    if permission.count(":") != 1:
        raise ValueError(f"{permission!r} is not noun:verb")
    return (Reader(ViewerKind.STAFF, permission),)


def recognised(permission: str) -> Readers:
    """Staff who hold the permission see the value masked, `j***@d***`."""
    return (Reader(ViewerKind.STAFF, permission, masked=True),)


def partner(scope: str) -> Readers:
    """Partners whose key has the scope, one of those that auth/scopes.py declares."""
    if scope not in SCOPES:
        raise ValueError(f"{scope!r} is no declared scope")
    return (Reader(ViewerKind.PARTNER, scope),)


def is_public(readers: Readers) -> bool:
    return any(reader.kind is None for reader in readers)


def denial(readers: Readers, access: Access, personal: Iterable[Personal] = ()) -> Denial | None:
    """None where one of the readers admits the caller; else why not. No readers at all admit no one.

    `personal` is what of persons the field would read.
    """
    if not any(reader.admits(access) for reader in readers):
        return UNAUTHENTICATED if access.kind is ViewerKind.ANONYMOUS else NO_PERMISSION
    if not is_guarded(readers, access):
        return None
    guarded = [one for one in personal if one.guarded]
    reason = _objection(access, guarded) if guarded else None
    return Denial(Code.FORBIDDEN, reason) if reason else None


def is_guarded(readers: Readers, access: Access) -> bool:
    """Whether what a field shows of persons is shown to this caller for a purpose alone, and recorded.

    It is to staff who may read it by a permission, and not as their own.
    """
    if access.kind is not ViewerKind.STAFF:
        return False
    return all(reader.permission is not None for reader in readers if reader.admits(access))


def is_masked(readers: Readers, access: Access) -> bool:
    """Whether the caller is admitted to recognise a value, and not to read it."""
    return all(reader.masked for reader in readers if reader.admits(access))


def operation_denial(readers: Readers, access: Access) -> Denial | None:
    """Why the caller may not call an operation: what staff do by permission needs acknowledgement and second factor."""
    refused = denial(readers, access)
    by_permission = any(reader.permission and reader.admits(access) for reader in readers)
    if refused is not None or access.kind is not ViewerKind.STAFF or not by_permission:
        return refused
    reason = _standing(access)
    return Denial(Code.FORBIDDEN, reason) if reason else None


def _standing(access: Access) -> Reason | None:
    if not access.second_factor:
        return Reason.SECOND_FACTOR_REQUIRED
    return None if access.acknowledged else Reason.OBLIGATIONS_NOT_ACKNOWLEDGED


def _objection(access: Access, personal: list[Personal]) -> Reason | None:
    """What is missing for a member of staff to read what is declared so."""
    missing = _standing(access)
    if missing is not None:
        return missing
    if access.purpose is None:
        return Reason.PURPOSE_REQUIRED
    usable = [one for one in access.purposes if one.purpose.value == access.purpose]
    if not usable or any(access.purpose not in one.purposes for one in personal):
        return Reason.PURPOSE_NOT_ALLOWED
    if not access.has_case and all(one.case_required for one in usable):
        return Reason.CASE_REQUIRED
    return None
