"""The words that say what a stored value is, why it is kept, for how long, and how it goes.

Categories are keys in the style of fideslang (IAB Tech Lab / Ethyca, CC BY 4.0). The classification is data only: what
may be done with it is decided in `privacy/` and `auth/permissions.py`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Column


class Purpose(StrEnum):
    """The six headings of the privacy policy under which data is used (P41)."""

    ACCESS = "ACCESS"
    PRODUCTS = "PRODUCTS"
    PERSONALIZATION = "PERSONALIZATION"
    ANALYTICS = "ANALYTICS"
    BUSINESS = "BUSINESS"
    LEGAL_SAFETY = "LEGAL_SAFETY"


class Source(StrEnum):
    """Where a value came from (P24)."""

    DIRECT = "DIRECT"
    AUTOMATED = "AUTOMATED"
    THIRD_PARTY = "THIRD_PARTY"


class Channel(StrEnum):
    """Through which of the shop's doors a row was collected (P1)."""

    WEB = "WEB"
    MOBILE = "MOBILE"
    IN_STORE = "IN_STORE"
    PHONE = "PHONE"


@dataclass(frozen=True, slots=True)
class ChannelOf:
    """The rows came through the channel of those that they are part of, which the column `reference` refers to (P1)."""

    reference: str


@dataclass(frozen=True, slots=True)
class MadeHere:
    """The rows came through no channel: nobody gave them, the shop made them, and how (P1)."""

    reason: str


class Erasure(StrEnum):
    """What erasing the subject does to the value."""

    DELETE_ROW = "DELETE_ROW"
    CLEAR = "CLEAR"
    UNLINK = "UNLINK"
    KEEP = "KEEP"


class Mask(StrEnum):
    """How a value is shown to those who may recognise it but not read it."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    NAME = "NAME"
    HIDDEN = "HIDDEN"


@dataclass(frozen=True, slots=True)
class Personal:
    """Personal data. `retention` names a rule of privacy/retention; `subject` is the column that names the person.

    `guarded`: what staff read of it needs a purpose and is recorded for the person. `secret`: no field reads it.
    """

    category: str
    purposes: frozenset[Purpose]
    retention: str
    erasure: Erasure
    subject: str = "account_id"
    sources: frozenset[Source] = frozenset({Source.DIRECT})
    sensitivity: int = 2
    exported: bool = True
    mask: Mask = Mask.HIDDEN
    balancing_note: str | None = None
    guarded: bool = True
    secret: bool = False

    def __post_init__(self) -> None:
        if Purpose.BUSINESS in self.purposes and not self.balancing_note:
            raise ValueError(f"{self.category}: purpose BUSINESS needs a balancing note (P45)")
        if not 1 <= self.sensitivity <= 5:
            raise ValueError(f"{self.category}: sensitivity is 1 (name) to 5 (health, children)")

    def but(self, category: str, **changes: Any) -> "Personal":
        """The same declaration for another category."""
        return replace(self, category=category, **changes)


@dataclass(frozen=True, slots=True)
class NotPersonal:
    """A value that says nothing about a person, and why. `secret`: no field reads it all the same."""

    reason: str
    secret: bool = False

    def __post_init__(self) -> None:
        if len(self.reason.split()) < 2:
            raise ValueError("say why the value is not personal, in words")


Classification = Personal | NotPersonal


def classification(column: Column[Any]) -> Classification:
    """The column's classification. Raises LookupError where there is none."""
    found = column.info.get("privacy")
    if not isinstance(found, Personal | NotPersonal):
        raise LookupError(f"{column} is not classified")  # noqa: TRY004  # it is the declaration that is missing
    return found
