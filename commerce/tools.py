"""What a job may use."""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from commerce.letters import render
from gateways.mail import Mailer
from models.database import Database


@dataclass(frozen=True, slots=True)
class Tools:
    """Given by the worker to each job: the stores, and the way to a customer's mailbox."""

    database: Database
    redis: Redis
    mailer: Mailer
    shop: str
    public_url: str

    async def post(self, address: str, letter: str, **values: Any) -> None:
        """Sends the letter of this name, outside any transaction. Raises MailRefused or MailDelayed: let them pass."""
        written = render(letter, shop=self.shop, public_url=self.public_url, **values)
        await self.mailer.send(written.addressed_to(address))
