"""People at their mailboxes: what is sent to them, and how they come to have accounts."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

import models
from app.worker import HANDLERS
from auth.sessions import Issued
from commerce import registration
from commerce.login_session import SignIn, sign_in
from commerce.registration import Applicant, Form, Verification
from commerce.tools import Tools
from gateways.jobs import Jobs
from gateways.mail import MailMessage
from gateways.payments import PaymentGateway
from models.account import Account, AgeBand, Credential
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.preference import CommunicationPreference, Preference
from privacy import policy
from tests.support.login_session import LAPTOP, PASSWORD, CountingHasher
from tests.support.payments import UNASKED
from tests.support.storage import IN_MEMORY

NOWHERE = Redis(host="redis.invalid")
"""No letter of an account needs Redis."""

PASSWORDS = CountingHasher()
"""Hashes as the shop does, in no time."""

_TOKEN = re.compile(r"\blym_[0-9A-Za-z]{39}\b")


@dataclass
class Post:
    """A worker that does what is due, and the mail it sends."""

    database: Database
    sent: list[MailMessage] = field(default_factory=list)
    payments: PaymentGateway = UNASKED

    async def send(self, message: MailMessage) -> None:
        self.sent.append(message)

    @property
    def tools(self) -> Tools:
        return Tools(self.database, NOWHERE, self, "Layette", "https://shop.example", self.payments, IN_MEMORY)

    async def deliver(self) -> list[MailMessage]:
        """Does the jobs that are due, and answers what was sent by that."""
        before = len(self.sent)
        await Jobs(self.database, self.tools, HANDLERS).drain()
        return self.sent[before:]

    async def token_for(self, address: str) -> str:
        """The token in the one letter to this address that is sent now."""
        [message] = [message for message in await self.deliver() if message.to == address]
        return token_in(message)


def token_in(message: MailMessage) -> str:
    """The token in a letter, which says it twice as text and twice as HTML."""
    [token] = set(_TOKEN.findall(message.text))
    assert token in message.html
    return token


def letters(messages: list[MailMessage]) -> set[tuple[str, str]]:
    """To whom, and the beginning of the subject."""
    return {(message.to, " ".join(message.subject.split()[:3])) for message in messages}


def form(**typed: Any) -> Form:
    """What somebody types to register: name and email, their age band and the policy they have read (P26)."""
    given: dict[str, Any] = {
        "name": "Ana Ruiz",
        "email": "ana@example.com",
        "age_band": AgeBand.ADULT,
        "policy_version": policy.CURRENT.version,
    }
    return Form(**given | typed)


async def register(database: Database, **typed: Any) -> None:
    """Registers with what is typed, which is all right."""
    who = registration.check(form(**typed))
    assert isinstance(who, Applicant), who
    await database.transact(lambda transaction: registration.submit(transaction, who, Channel.WEB))


async def verify(database: Database, token: str, password: str | None = PASSWORD, **typed: Any) -> Issued:
    """Opens the account of a token."""
    given = Verification(token, password, **typed)
    issued = await registration.verify(database, PASSWORDS, LAPTOP, given)
    assert isinstance(issued, Issued), issued
    return issued


async def customer(database: Database, email: str = "ana@example.com", password: str | None = PASSWORD) -> UUID:
    """An account as it is after registering, past all rules."""
    key, password_hash = new_id(), await PASSWORDS.hash(password) if password else None

    async def write(transaction: AsyncConnection) -> None:
        values = {"id": key, "channel": Channel.WEB, "name": "Ana Ruiz", "email": email, "age_band": AgeBand.ADULT}
        await transaction.execute(insert(Account).values(values))
        if password_hash is not None:
            await transaction.execute(insert(Credential).values(account_id=key, password_hash=password_hash))
        for choices in (Preference, CommunicationPreference):
            await transaction.execute(insert(choices).values(account_id=key, channel=Channel.WEB))

    await database.transact(write)
    return key


async def can_sign_in(database: Database, identifier: str, password: str) -> bool:
    """Whether name and password open a session."""
    return isinstance(await sign_in(database, PASSWORDS, LAPTOP, SignIn(identifier, password)), Issued)


async def rows(transaction: AsyncConnection, table: Any) -> list[Any]:
    """A table's rows."""
    return list((await transaction.execute(select(table.__table__))).all())


async def everything(transaction: AsyncConnection) -> str:
    """All that is stored, as text; bytes in hexadecimal digits."""
    return "\n".join([line async for line in _everything(transaction)])


async def _everything(transaction: AsyncConnection) -> Any:
    for table in models.metadata.sorted_tables:
        for line in await transaction.scalars(text(f'SELECT row::text FROM "{table.name}" AS row')):
            yield f"{table.name}: {line}"
