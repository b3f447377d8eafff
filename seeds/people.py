"""Accounts, as registration and verification leave them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from auth.refusal import Refusal
from models.account import Account, AccountKind, Acknowledgement, AgeBand, Credential
from models.classification import Channel
from models.ids import new_id
from privacy import policy
from seeds.rows import Rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with an account and a verified mailbox."""

    id: UUID
    name: str
    email: str
    channel: Channel
    created_at: datetime
    phone: str | None = None
    username: str | None = None
    age_band: AgeBand = AgeBand.ADULT
    kind: AccountKind = AccountKind.CUSTOMER


def add_account(rows: Rows, person: Person, password_hash: str | None) -> None:
    """Adds the account, a customer's acceptance of the policy, and a credential where there is a hash.

    All may share one hash and so its salt: they share the password too.
    """
    verified_at = person.created_at + timedelta(minutes=4)
    rows.add(
        Account,
        id=person.id,
        created_at=person.created_at,
        channel=person.channel,
        kind=person.kind,
        name=person.name,
        email=person.email,
        email_verified_at=verified_at,
        username=person.username,
        phone=person.phone,
        age_band=person.age_band,
    )
    if person.kind is AccountKind.CUSTOMER:
        rows.add(
            Acknowledgement,
            id=new_id(),
            account_id=person.id,
            policy_version=policy.CURRENT.version,
            channel=person.channel,
            acknowledged_at=max(person.created_at, policy.CURRENT.effective_at),
        )
    if password_hash is not None:
        rows.add(Credential, account_id=person.id, password_hash=password_hash, changed_at=verified_at)


def valid(outcome: T | Refusal | list[Refusal]) -> T:
    """What a rule of the shop answered. Raises ValueError where it refused: seeds are held to the same rules."""
    if not isinstance(outcome, Refusal | list):
        return outcome
    raise ValueError(f"the shop would refuse this: {outcome}")
