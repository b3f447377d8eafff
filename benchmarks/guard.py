"""What the guard costs: guarded reads beside the same reads with the guard compiled out, and with their record.

`python -m benchmarks.guard --help`. The guard decides while a statement is made, of which masks remain.
The record of what staff read is written by the same statement, and waits for the disk as every write does.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.roles import permissions_of, purposes_of
from auth.viewer import Claim, StaffFacts, Viewer, ViewerKind
from benchmarks.documents import ME
from benchmarks.report import verdict
from benchmarks.shop import CUSTOMERS, Shop, say, shop
from models.account import Account, AccountKind, AgeBand
from models.database import Database
from models.ids import new_id, show_id
from models.login_session import LoginSession
from models.staff import StaffKind, StaffMember, StaffRole, StaffStatus
from reads.engine import Body, Engine
from reads.planning import Planning
from resolvers.root import open_engine

GOAL = 1.05
CALLS = 200

Round = dict[str, list[float]]

ORDERS = """query Orders {
  orders(first: 20) { edges { node {
    id number status placedAt total { amount currencyCode } contact { name email }
    shippingAddress { recipientName line1 city postalCode countryCode }
    lines { sku productName quantity total { amount currencyCode } }
  } } }
}"""
ONE = """query One($id: ID!) {
  order(id: $id) {
    id number status placedAt total { amount currencyCode } contact { name email }
    shippingAddress { recipientName line1 city postalCode countryCode }
    lines { sku productName quantity total { amount currencyCode } }
  }
}"""

MASKED = "query Masked($id: ID!) { node(id: $id) { ... on Customer { id version createdAt name email phone } } }"


@dataclass(frozen=True)
class Reading:
    """An operation that a caller reads, over and over."""

    title: str
    document: str
    variables: dict[str, Any]
    viewer: Viewer


class Decided(Engine):
    """Guards, and records nothing."""

    def _compile(self, operation: Any, variables: Any, viewer: Any) -> Any:
        recorded = Planning.recorded
        Planning.recorded = lambda self, parts, table, told=(): None  # type: ignore[method-assign]
        try:
            return super()._compile(operation, variables, viewer)
        finally:
            Planning.recorded = recorded  # type: ignore[method-assign]


def engines() -> dict[str, Engine]:
    """The guard compiled out, as it decides, and with its record; who sees which rows is decided as ever."""
    like = open_engine()
    without = replace(
        like.permissions,
        denial=lambda readers, access, personal=(): like.permissions.denial(readers, access),
        is_masked=lambda readers, access: False,
        records=lambda access: False,
        is_guarded=lambda readers, access: False,
    )
    return {
        "without": Engine(like.schema, like.sources, without),
        "decided": Decided(like.schema, like.sources, like.permissions),
        "recorded": open_engine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of some hundred calls in each way")
    parser.add_argument("--products", type=int, default=1000, help="size of the shop")
    parser.add_argument("--home", type=Path, help="keep the shop's data here, and use what is there")
    options = parser.parse_args()
    with shop(options.products, options.home) as running:
        print(table(running, options.rounds))


def table(running: Shop, rounds: int) -> str:
    return "\n".join(asyncio.run(measured(running, rounds)))


async def measured(running: Shop, rounds: int) -> list[str]:
    database = Database(running.services.database_url)
    ways = engines()
    lines = [
        "| read | without the guard µs | guarded µs | ratio | goal | | guarded and recorded µs |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for reading in await readings(database):
        say(f"{reading.title}: {rounds} rounds")
        lines.append(row(reading, [await one_round(reading, ways, database) for _ in range(rounds)]))
    await database.close()
    return lines


async def one_round(reading: Reading, ways: dict[str, Engine], database: Database) -> Round:
    """Seconds of each call, with and without the guard in turns; what waits for the disk comes after them."""
    found: Round = {way: [] for way in ways}
    for engine in ways.values():
        await one_call(engine, reading, database)  # makes and prepares the statement
    for _ in range(CALLS):
        for way in ("without", "decided"):
            found[way].append(await one_call(ways[way], reading, database))
    for _ in range(CALLS // 4):
        found["recorded"].append(await one_call(ways["recorded"], reading, database))
    return found


async def one_call(engine: Engine, reading: Reading, database: Database) -> float:
    """Seconds from an operation to its answer, as a request of its own."""
    operation, claim = engine.prepare(reading.document, None), reading.viewer.claim
    viewer = replace(reading.viewer, claim=Claim(claim.purpose, claim.case))
    begun = time.perf_counter()
    body = await engine.read(operation, reading.variables, viewer, database)
    taken = time.perf_counter() - begun
    if not isinstance(body, Body) or len(body.data) < 100:
        raise SystemExit(f"{reading.title} is not read: {body}")
    return taken


def row(reading: Reading, rounds: Sequence[Round]) -> str:
    micro = {way: median(one for taken in rounds for one in taken[way]) * 1e6 for way in rounds[0]}
    ratio = median(median(taken["decided"]) / median(taken["without"]) for taken in rounds)
    recorded = f"{micro['recorded']:.0f}" if reading.viewer.staff is not None else "nothing is recorded"
    return (
        f"| {reading.title} | {micro['without']:.0f} | {micro['decided']:.0f} | **{ratio:.2f}** | ≤ {GOAL:.2f} "
        f"| {verdict(ratio <= GOAL)} | {recorded} |"
    )


# ---- who reads


async def readings(database: Database) -> list[Reading]:
    customer = await database.transact(lambda transaction: customer_of(transaction, CUSTOMERS[0]))
    assert customer.account_id is not None
    support = await database.transact(lambda transaction: employ(transaction, "support"))
    floor = await database.transact(lambda transaction: employ(transaction, "floor"))
    async with database.reading() as connection:
        order = await connection.fetchval("SELECT id FROM orders WHERE account_id IS NOT NULL ORDER BY id LIMIT 1")
    return [
        Reading("a customer's account, addresses and orders", ME.document, ME.variables[0], customer),
        Reading("staff: one order", ONE, {"id": show_id("ord", order)}, support),
        Reading("staff: twenty orders", ORDERS, {}, support),
        Reading("staff: a customer, masked", MASKED, {"id": show_id("cus", customer.account_id)}, floor),
    ]


async def customer_of(transaction: AsyncConnection, email: str) -> Viewer:
    owner = await transaction.scalar(select(Account.id).where(Account.email == email))
    assert owner is not None
    return await session_of(transaction, owner, Viewer(ViewerKind.CUSTOMER, owner))


async def employ(transaction: AsyncConnection, role: str) -> Viewer:
    """A member of staff who reads for PRODUCTS."""
    owner, member = new_id(), new_id()
    whose = {"name": "Measured", "email": f"{member.hex}@staff.example.com", "channel": "WEB"}
    account = insert(Account).values(id=owner, kind=AccountKind.STAFF, age_band=AgeBand.ADULT, **whose)
    await transaction.execute(account)
    employed = {"kind": StaffKind.EMPLOYEE, "status": StaffStatus.ACTIVE}
    await transaction.execute(insert(StaffMember).values(id=member, account_id=owner, **employed, **whose))
    await transaction.execute(insert(StaffRole).values(staff_id=member, role=role))
    facts = StaffFacts(member, 1, (role,), frozenset(purposes_of((role,))), acknowledged=True, second_factor=True)
    held = permissions_of((role,))
    viewer = Viewer(ViewerKind.STAFF, owner, permissions=held, staff=facts, claim=Claim("PRODUCTS"))
    return await session_of(transaction, owner, viewer)


async def session_of(transaction: AsyncConnection, owner: UUID, viewer: Viewer) -> Viewer:
    key = new_id()
    token = {"token_digest": sha256(key.bytes).digest(), "expires_at": func.now() + timedelta(days=1)}
    facts = {"channel": "WEB", "idle_seconds": 86_400, "device_kind": "OTHER"}
    await transaction.execute(insert(LoginSession).values(id=key, account_id=owner, **token, **facts))
    return replace(viewer, session_id=key, token_digest=token["token_digest"])


if __name__ == "__main__":
    main()
