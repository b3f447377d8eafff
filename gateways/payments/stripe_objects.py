"""What Stripe's objects mean to the shop."""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from stripe import PaymentIntent, SetupIntent

from gateways.payments import ACTION_LASTS, Action, Charged, SavedMethod
from models.catalogue import CurrencyCode
from models.payment import ChargeStatus

EXPANDED = ("latest_charge", "payment_method")

CLIENT_TOKEN = re.compile(r"pm_\w{1,120}", re.ASCII)
SAVED_TOKEN = re.compile(r"(cus_\w{1,120})/(pm_\w{1,120})", re.ASCII)
"""A saved card is a customer of its own, who has no name: nothing at Stripe tells that two cards are one person's."""

_STATUS = {
    "succeeded": ChargeStatus.CAPTURED,
    "requires_capture": ChargeStatus.AUTHORIZED,
    "processing": ChargeStatus.PENDING,
    "requires_action": ChargeStatus.ACTION,
    "requires_payment_method": ChargeStatus.FAILED,
    "requires_confirmation": ChargeStatus.FAILED,
}


class Marks:
    """The metadata by which this installation knows what is its own, on an account that others may use as well."""

    def __init__(self, secret: bytes) -> None:
        self._shop = hmac.new(secret, b"marks at stripe", hashlib.sha256).hexdigest()[:24]

    def of(self, **keys: UUID | None) -> dict[str, str]:
        return {"shop": self._shop} | {name: key.hex for name, key in keys.items() if key is not None}

    def read(self, metadata: Any, name: str) -> UUID | None:
        """Our key of this name, or None where the object is not ours."""
        found = metadata or {}
        if "shop" not in found or found["shop"] != self._shop or name not in found:
            return None
        try:
            return UUID(hex=found[name])
        except ValueError:
            return None


def is_refused(intent: PaymentIntent) -> bool:
    """A payment that its customer could still bring to an end, though the shop has told them that it was refused."""
    return intent.status in {"requires_payment_method", "requires_confirmation"}


def charged(intent: PaymentIntent, marks: Marks) -> Charged:
    """The charge that an intent stands for; EXPANDED has to be expanded in it."""
    charge: Any = intent.latest_charge
    method: Any = intent.payment_method
    card = method.card if method is not None and method.type == "card" else None
    return Charged(
        charge_id=marks.read(intent.metadata, "charge_id"),
        gateway_key=intent.id,
        order_id=marks.read(intent.metadata, "order_id"),
        status=_status(intent),
        amount=intent.amount,
        currency=CurrencyCode(intent.currency.upper()),
        captured=intent.amount_received,
        refunded=charge.amount_refunded if charge is not None else 0,
        brand=card and card.brand,
        last4=card and card.last4,
        action=_action(intent) if intent.status == "requires_action" else None,
    )


def _status(intent: PaymentIntent) -> ChargeStatus:
    if intent.status == "canceled":
        return ChargeStatus.FAILED if intent.last_payment_error else ChargeStatus.VOIDED
    return _STATUS[intent.status]


def _action(intent: PaymentIntent | SetupIntent) -> Action:
    redirect = getattr(intent.next_action, "redirect_to_url", None)
    begun = datetime.fromtimestamp(intent.created, UTC)
    return Action(redirect and redirect.url, intent.client_secret, begun + ACTION_LASTS)


def saved(setup: SetupIntent, customer: str) -> SavedMethod | None:
    """The card that a set-up has saved, `payment_method` being expanded in it; None: it was declined."""
    method: Any = setup.payment_method
    if setup.status not in {"succeeded", "requires_action", "processing"} or method is None:
        return None
    card = method.card
    action = _action(setup) if setup.status == "requires_action" else None
    return SavedMethod(f"{customer}/{method.id}", card.brand, card.last4, card.exp_month, card.exp_year, action)
