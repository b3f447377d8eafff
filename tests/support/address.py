"""Address books for tests."""

from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.address import EntryDraft
from models.account import Account, AgeBand
from models.classification import Channel
from models.ids import new_id


async def account(transaction: AsyncConnection) -> UUID:
    """An account without anything else."""
    key = new_id()
    values = {"id": key, "channel": Channel.WEB, "name": "Ana Ruiz", "age_band": AgeBand.ADULT}
    await transaction.execute(insert(Account).values(email=f"{key.hex}@example.com", **values))
    return key


def entry(**changes: Any) -> EntryDraft:
    """An address in Portland, as it is typed."""
    typed: dict[str, Any] = {
        "recipient_name": "Ana Ruiz",
        "line1": "1 Main St",
        "city": "Portland",
        "region": "Oregon",
        "postal_code": "97201",
        "country_code": "us",
    }
    return EntryDraft(**typed | changes)
