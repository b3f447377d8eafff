"""Payment gateways for tests."""

from pathlib import Path
from uuid import UUID

from gateways.payments import ChargeRequest
from gateways.payments.local import LocalGateway
from models.catalogue import CurrencyCode
from models.ids import new_id

UNASKED = LocalGateway(Path("/proc/nowhere"), b"")
"""A gateway for what does not pay: asked all the same, it does not answer."""


def charge_of(token: str, amount: int = 5000, *, charge_id: UUID | None = None, **more: bool) -> ChargeRequest:
    """A charge for an order that nobody knows."""
    return ChargeRequest(charge_id or new_id(), new_id(), amount, CurrencyCode.USD, token, **more)
