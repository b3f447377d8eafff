"""Payments: the port. Adapters are `local`, for demo and tests, and `stripe`.

An adapter never sees a card number and never names a person (P4, P42): a token, an amount, and our own keys. Every call
that moves money carries one of our keys, which the gateway takes for its idempotency key: asked again, it answers as
before and does nothing twice.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from models.catalogue import CurrencyCode
from models.payment import ChargeStatus, RefundStatus

ACTION_LASTS = timedelta(minutes=30)
"""How long a customer may take at their bank; unpaid by then, the shop voids the charge."""


class GatewayTimeout(Exception):
    """The answer did not come, or was none: what was asked may have been done or not. `find` tells later."""


class KeyReused(RuntimeError):
    """One of our keys came with another amount or token than before: a fault of ours, and nothing was done."""


class InvalidToken(Exception):
    """The gateway does not know such a token."""


class BadSignature(Exception):
    """A webhook that the gateway did not send, or not lately."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the customer does at their bank first: at `url`, or with `client_secret` in the gateway's own library."""

    url: str | None = field(repr=False)
    client_secret: str | None = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """`charge_id` is our key of the charge; `order_id` is None for a group gift. Amounts are minor units."""

    charge_id: UUID
    order_id: UUID | None
    amount: int
    currency: CurrencyCode
    token: str = field(repr=False)
    saved: bool = False
    """The token is that of a saved method, as `save` gave it, and not one of the client's."""

    capture: bool = True
    """Without it the amount is held, AUTHORIZED, until `capture` takes it or `void` lets it go."""


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge as the gateway's book has it. Brand and last4 are what a person recognises a card by."""

    charge_id: UUID | None
    gateway_key: str
    order_id: UUID | None
    status: ChargeStatus
    amount: int
    currency: CurrencyCode
    captured: int = 0
    refunded: int = 0
    brand: str | None = None
    last4: str | None = None
    action: Action | None = None

    @property
    def held(self) -> int:
        """What the gateway has of the customer's money, taken or reserved, in minor units."""
        if self.status in {ChargeStatus.FAILED, ChargeStatus.VOIDED}:
            return 0
        return self.captured - self.refunded if self.status is ChargeStatus.CAPTURED else self.amount


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A card that the gateway keeps. `action` is what the customer has to do before it may be charged."""

    token: str = field(repr=False)
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A webhook, its signature checked: something became of the charge. The charge itself is asked for with `find`."""

    event_key: str
    charge_id: UUID | None


class PaymentGateway(Protocol):
    """`name` is what charges are marked with.

    `gateway_key` is the gateway's own key of the charge, as `Charged` had it: with it some are found faster, and it may
    always be left out.
    """

    name: str

    async def charge(self, request: ChargeRequest) -> Charged:
        """Takes the money. FAILED is a refusal, and final; ACTION and PENDING are settled later.

        Asked again with the same key it answers what became of that charge. Raises InvalidToken, GatewayTimeout.
        """
        ...

    async def find(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        """What became of a charge; None: the gateway never heard of it. Raises GatewayTimeout."""
        ...

    async def resume(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        """What became of a charge in ACTION, now that the customer says they are back from their bank.

        As `find` for any other charge. Raises GatewayTimeout.
        """
        ...

    async def void(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        """Gives up a charge that is not captured; one that is, is answered as it is: look at the status.

        None as for `find`. Raises GatewayTimeout.
        """
        ...

    async def capture(self, charge_id: UUID, amount: int, *, gateway_key: str | None = None) -> Charged | None:
        """Takes of what was only authorised, once, and lets go of the rest; else as `void`. Raises GatewayTimeout."""
        ...

    async def refund(
        self, charge_id: UUID, refund_id: UUID, amount: int, *, gateway_key: str | None = None
    ) -> RefundStatus:
        """Pays back a part of a captured charge; FAILED where so much is not left. Raises GatewayTimeout.

        Asked again with the same `refund_id` it answers what became of that refund.
        """
        ...

    async def save(self, token: str, key: UUID) -> SavedMethod | None:
        """Keeps the card for later charges; None: it was declined. Raises InvalidToken, GatewayTimeout."""
        ...

    async def forget(self, token: str) -> None:
        """Forgets a saved card; one that is not known is as good as forgotten. Raises GatewayTimeout."""
        ...

    def book(self, since: datetime | None = None) -> AsyncIterator[Charged]:
        """Every charge that the gateway has in its book, oldest first; `since` leaves out those that were made before.

        Those without a `charge_id` were made by somebody else who uses the same account. Raises GatewayTimeout.
        """
        ...

    def read_event(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        """A webhook as it came in; header names are lower case. Raises BadSignature."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
