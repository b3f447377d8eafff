"""The cards of the local gateway: what each of its tokens is, and what becomes of a charge to it."""

from dataclasses import dataclass
from enum import Enum, auto

EXPIRY_MONTH, EXPIRY_YEAR = 12, 2034


class Way(Enum):
    """How the gateway answers when it is asked to charge a card."""

    AT_ONCE = auto()
    AFTER_ACTION = auto()
    """The bank asks the customer first."""

    LATER = auto()
    """It is pending, and a webhook tells."""

    WITHOUT_ANSWER = auto()
    """It is done, and the answer gets lost."""

    NEVER = auto()
    """The request gets lost."""


@dataclass(frozen=True, slots=True)
class Card:
    brand: str
    last4: str
    way: Way = Way.AT_ONCE
    approved: bool = True

    @property
    def may_be_saved(self) -> bool:
        """The bank is asked then too; only a card that it refuses outright cannot be kept."""
        return self.approved or self.way is not Way.AT_ONCE


CARDS = {
    "tok_visa": Card("visa", "4242"),
    "tok_mastercard": Card("mastercard", "4444"),
    "tok_declined": Card("visa", "0002", approved=False),
    "tok_insufficient": Card("visa", "9995", approved=False),
    "tok_action": Card("visa", "3220", Way.AFTER_ACTION),
    "tok_action_declined": Card("visa", "3063", Way.AFTER_ACTION, approved=False),
    "tok_timeout": Card("visa", "4242", Way.WITHOUT_ANSWER),
    "tok_timeout_lost": Card("visa", "4242", Way.NEVER),
    "tok_late": Card("visa", "4242", Way.LATER),
    "tok_late_declined": Card("visa", "0341", Way.LATER, approved=False),
}
