"""What a customer does at their bank before a card may be charged."""

from datetime import datetime

from auth.permissions import ANYONE
from gateways.payments import Action
from reads.declare import value


@value(readers=ANYONE, description="For the gateway's own client library, or a page to open; in time, or it is over.")
class PaymentAction:
    url: str | None
    client_secret: str | None
    expires_at: datetime


def shown_action(action: Action | None) -> PaymentAction | None:
    """The gateway's action as an object of the API."""
    if action is None:
        return None
    return PaymentAction(url=action.url, client_secret=action.client_secret, expires_at=action.expires_at)
