"""The shop over HTTP with customers, a tailor and others who work there, for tests of workshop and packing table."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from app.embedded import Services
from app.settings import Settings
from commerce import measurement
from commerce.measurement import sealer_of
from models.data_access import DataAccess
from models.measurement import OrderMeasurement
from tests.support.address import account
from tests.support.shop import Shop, copied_shop
from tests.support.staff import at_work, employed
from tests.support.workshop import Line, Ordered, ordered

STAFF = ("tailor", "floor", "provider", "catalogue")
"""Of these the tailor works on garments, the floor ships, the provider reads orders, and the last does neither."""


@dataclass
class Workroom:
    """`tokens` by name: customers `ana` and `bo`, and members of staff by their one role."""

    shop: Shop
    settings: Settings
    tokens: dict[str, str] = field(default_factory=dict)
    people: dict[str, UUID] = field(default_factory=dict)

    async def ask(self, query: str, who: str | None, purpose: str | None = None, **variables: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}
        headers |= {"x-purpose": purpose} if purpose else {}
        body = {"query": query, "variables": variables}
        return (await self.shop.client.post("/graphql", json=body, headers=headers)).json()

    async def outcome(self, mutation: str, who: str, **given: Any) -> dict[str, Any]:
        """The payload, for PRODUCTS if staff ask; its errors as pairs of code and field."""
        answer = await self.ask(mutation, who, "PRODUCTS", input=given)
        assert "errors" not in answer, answer
        (payload,) = answer["data"].values()
        payload["userErrors"] = [(error["code"], error["field"]) for error in payload["userErrors"]]
        return payload

    async def ordered(self, *lines: Line, who: str | None = "ana", **facts: Any) -> Ordered:
        """An order of Ana's, unless somebody else's is meant, or nobody's."""
        owner = None if who is None else self.people[who]
        return await self.shop.database.transact(lambda t: ordered(t, owner, lines or (Line(),), **facts))

    async def measured(self, order: Ordered, set_id: UUID) -> None:
        """The order's first line is made to the measurements of its owner's set."""

        async def copy(transaction: Any) -> None:
            sealer = sealer_of(self.settings.server_secret)
            wanted = [(set_id, order.lines[0])]
            [found] = await measurement.copies(transaction, order.account_id, wanted, sealer)
            await transaction.execute(insert(OrderMeasurement).values(found.row))

        await self.shop.database.transact(copy)

    async def reads_of(self, who: str) -> list[tuple[str, str, list[str]]]:
        """What staff read of a person: role, purpose, categories; oldest first."""
        access = select(DataAccess.role, DataAccess.purpose, DataAccess.categories).where(
            DataAccess.account_id == self.people[who]
        )
        rows = await self.shop.database.transact(lambda t: t.execute(access.order_by(DataAccess.occurred_at)))
        return [(row.role, row.purpose, sorted(row.categories)) for row in rows]


def refusals(answer: dict[str, Any]) -> set[tuple[str, str | None]]:
    """Code and reason of the errors of an answer."""
    found = (error["extensions"] for error in answer["errors"])
    return {(one["code"], one.get("reason")) for one in found}


@asynccontextmanager
async def open_workroom(settings: Settings, template: str, running: Services) -> AsyncGenerator[Workroom]:
    async with copied_shop(settings, template, running) as shop:
        room = Workroom(shop, settings)
        for name in ("ana", "bo"):
            room.people[name] = await shop.database.transact(account)
            room.tokens[name] = await shop.session(room.people[name])
        for role in STAFF:
            room.tokens[role] = (await at_work(shop.database, await employed(shop.database, role))).token
        yield room
