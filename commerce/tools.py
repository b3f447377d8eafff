"""What a job may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from commerce.letters import render
from gateways.mail import Mailer
from gateways.payments import PaymentGateway
from gateways.storage import Storage
from models.database import Database


@dataclass(frozen=True, slots=True)
class Envelope:
    """A letter that a transaction has decided on, to be sent after it: to whom, which one, and what it says."""

    address: str = field(repr=False)
    letter: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Tools:
    """Given by the worker to each job: the stores, the way to a customer's mailbox, payments and files."""

    database: Database
    redis: Redis
    mailer: Mailer
    shop: str
    public_url: str
    payments: PaymentGateway
    storage: Storage

    async def post(self, address: str, letter: str, **values: Any) -> None:
        """Sends the letter of this name, outside any transaction. Raises MailRefused or MailDelayed: let them pass."""
        written = render(letter, shop=self.shop, public_url=self.public_url, **values)
        await self.mailer.send(written.addressed_to(address))

    async def send(self, envelope: Envelope) -> None:
        """Sends it, as `post` does."""
        await self.post(envelope.address, envelope.letter, **envelope.values)
