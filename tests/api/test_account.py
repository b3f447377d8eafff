"""Accounts as their owners see and correct them, and as nobody else does (P7, P27, P50, P51, P53)."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.embedded import Services
from app.settings import Settings
from auth import sessions
from commerce import address as address_book
from models.account import Account, AccountEventKind, Acknowledgement
from models.address import AddressKind
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.order import Order, OrderLine, OrderStatus
from models.payment import PaymentMethod
from tests.support.account import customer
from tests.support.address import entry
from tests.support.login_session import LAPTOP, PHONE
from tests.support.shop import Shop, open_shop

UPDATE = """mutation ($input: AccountUpdateInput!) { accountUpdate(input: $input) {
  customer { version name username phone } userErrors { code field } } }"""
PREFERENCES = """mutation ($input: PreferencesUpdateInput!) { preferencesUpdate(input: $input) {
  preferences { version sizes { garment size } brands { id slug } interests personalization }
  userErrors { code field } } }"""
COMMUNICATION = """mutation ($input: CommunicationPreferencesUpdateInput!) {
  communicationPreferencesUpdate(input: $input) {
  communicationPreferences { version email sms phone post } userErrors { code field } } }"""
EIGHT = """{ me { name email defaultBillingAddress { line1 } defaultShippingAddress { line1 }
  paymentMethods { id brand last4 expiryMonth expiryYear isDefault }
  orders(first: 5) { edges { node { number total { amount } lines { productName quantity } } } } } }"""
ACTIVITY = """query ($first: Int!, $after: String) { me { accountActivity(first: $first, after: $after) {
  edges { node { id kind deviceName deviceKind ipNetwork } } pageInfo { hasNextPage endCursor } } } }"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def ana(shop: Shop) -> UUID:
    return await customer(shop.database)


@pytest_asyncio.fixture(loop_scope="session")
async def token(shop: Shop, ana: UUID) -> str:
    return await shop.session(ana)


async def call(shop: Shop, mutation: str, session: str | None, **given: Any) -> dict[str, Any]:
    """The one payload of a mutation."""
    [payload] = (await shop.ask(mutation, session, input=given))["data"].values()
    return payload


def refused(payload: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(error["code"], *error["field"]) for error in payload["userErrors"]]


async def buy(transaction: AsyncConnection, owner: UUID) -> None:
    order, amounts = new_id(), {"subtotal": 1990, "total": 1990, "currency": CurrencyCode.USD}
    placed = {"number": "LAY-1", "placed_at": datetime.now(UTC), "channel": Channel.WEB, "status": OrderStatus.PLACED}
    await transaction.execute(insert(Order).values(id=order, account_id=owner, **placed, **amounts))
    bought = {"position": 1, "sku": "ROMPER-1", "product_name": "Romper", "quantity": 1}
    price = {"unit_price": 1990, "total": 1990, "currency": CurrencyCode.USD}
    await transaction.execute(insert(OrderLine).values(id=new_id(), order_id=order, **bought, **price))


async def save_card(transaction: AsyncConnection, owner: UUID) -> None:
    card = {"gateway_token": "pm_token", "brand": "visa", "last4": "4242", "expiry_month": 12, "expiry_year": 2030}
    await transaction.execute(
        insert(PaymentMethod).values(id=new_id(), account_id=owner, channel=Channel.WEB, is_default=True, **card)
    )


# ---- reading


async def test_p50_owner_reads_all_eight(shop: Shop, ana: UUID, token: str):
    async def fill(transaction: AsyncConnection) -> None:
        kinds = frozenset({AddressKind.SHIPPING, AddressKind.BILLING})
        await address_book.create(transaction, ana, entry(kinds=kinds), Channel.WEB)
        await save_card(transaction, ana)
        await buy(transaction, ana)

    await shop.database.transact(fill)
    me = (await shop.ask(EIGHT, token))["data"]["me"]
    [card] = me.pop("paymentMethods")
    assert card.pop("id").startswith("pmt_")
    assert card == {"brand": "visa", "last4": "4242", "expiryMonth": 12, "expiryYear": 2030, "isDefault": True}
    assert me == {
        "name": "Ana Ruiz",
        "email": "ana@example.com",
        "defaultBillingAddress": {"line1": "1 Main St"},
        "defaultShippingAddress": {"line1": "1 Main St"},
        "orders": {
            "edges": [
                {
                    "node": {
                        "number": "LAY-1",
                        "total": {"amount": "19.90"},
                        "lines": [{"productName": "Romper", "quantity": 1}],
                    }
                }
            ]
        },
    }


async def test_p4_token_of_a_saved_card_cannot_be_asked_for(shop: Shop, token: str):
    answer = await shop.ask("{ me { paymentMethods { gatewayToken } } }", token)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]


async def test_saved_card_is_nobody_elses(shop: Shop, ana: UUID, token: str):
    await shop.database.transact(lambda transaction: save_card(transaction, ana))
    mine = (await shop.ask("{ me { paymentMethods { id } } }", token))["data"]["me"]["paymentMethods"]
    node = "query ($id: ID!) { node(id: $id) { id } }"
    other = await shop.session(await customer(shop.database, "bo@example.com"))
    assert (await shop.ask(node, token, id=mine[0]["id"]))["data"]["node"] == mine[0]
    for session in (other, None):
        assert (await shop.ask(node, session, id=mine[0]["id"]))["data"]["node"] is None
    assert (await shop.ask("{ me { paymentMethods { id } } }", other))["data"]["me"]["paymentMethods"] == []


async def test_p53_activity_is_shown_newest_first_with_coarse_networks(shop: Shop, ana: UUID, token: str):
    await shop.database.transact(lambda transaction: sessions.issue(transaction, ana, PHONE))
    seen, after = [], None
    while True:
        page = (await shop.ask(ACTIVITY, token, first=3, after=after))["data"]["me"]["accountActivity"]
        seen += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len({event["id"] for event in seen}) == len(seen)
    assert [(event["kind"], event["deviceName"], event["ipNetwork"]) for event in seen] == [
        ("NEW_DEVICE", PHONE.device_name, PHONE.network),
        ("SIGNED_IN", PHONE.device_name, PHONE.network),
        ("NEW_DEVICE", LAPTOP.device_name, LAPTOP.network),
        ("SIGNED_IN", LAPTOP.device_name, LAPTOP.network),
    ]


async def test_p2_acknowledgements_are_shown_oldest_first(shop: Shop, ana: UUID, token: str):
    rows = [
        {"id": new_id(), "account_id": ana, "channel": channel, "policy_version": version, "acknowledged_at": at}
        for channel, version, at in (
            (Channel.WEB, "2026-11-01", datetime(2026, 11, 2, tzinfo=UTC)),
            (Channel.IN_STORE, "2025-11-01", datetime(2025, 11, 2, tzinfo=UTC)),
        )
    ]
    await shop.database.transact(lambda transaction: transaction.execute(insert(Acknowledgement), rows))
    me = await shop.ask("{ me { acknowledgements { id version channel acknowledgedAt withdrawnAt } } }", token)
    found = me["data"]["me"]["acknowledgements"]
    assert all(one.pop("id").startswith("ack_") for one in found)
    assert found == [
        {
            "version": "2025-11-01",
            "channel": "IN_STORE",
            "acknowledgedAt": "2025-11-02T00:00:00.000000Z",
            "withdrawnAt": None,
        },
        {
            "version": "2026-11-01",
            "channel": "WEB",
            "acknowledgedAt": "2026-11-02T00:00:00.000000Z",
            "withdrawnAt": None,
        },
    ]


async def test_p8_no_field_of_the_schema_reads_a_password(shop: Shop):
    introspection = "{ __schema { types { name kind fields { name } } } }"
    types = (await shop.ask(introspection))["data"]["__schema"]["types"]
    named = {
        f"{type_['name']}.{field['name']}"
        for type_ in types
        for field in type_["fields"] or ()
        if type_["name"] != "Mutation" and ("password" in field["name"].lower() or "hash" in field["name"].lower())
    }
    assert named == {"Customer.hasPassword"}
    assert (await shop.ask("{ me { hasPassword } }"))["data"]["me"] is None


async def test_signed_out_nobody_is_me(shop: Shop):
    assert await shop.ask("{ me { name } }") == {"data": {"me": None}}


# ---- the profile


async def test_p51_owner_corrects_name_username_and_phone(shop: Shop, token: str):
    payload = await call(shop, UPDATE, token, name=" Ana  María ", username="Ana.M", phone="+1 (202) 555-0143")
    assert payload["userErrors"] == []
    assert payload["customer"] == {"version": 2, "name": "Ana María", "username": "Ana.M", "phone": "+12025550143"}
    activity = await shop.ask(ACTIVITY, token, first=1)
    [edge] = activity["data"]["me"]["accountActivity"]["edges"]
    assert edge["node"]["kind"] == AccountEventKind.PROFILE_CHANGED


async def test_what_is_left_out_stays_and_null_clears(shop: Shop, token: str):
    await call(shop, UPDATE, token, username="ana", phone="+12025550143")
    assert (await call(shop, UPDATE, token, phone=None))["customer"] == {
        "version": 3,
        "name": "Ana Ruiz",
        "username": "ana",
        "phone": None,
    }
    assert (await call(shop, UPDATE, token, username=""))["customer"]["username"] is None


async def test_what_is_so_already_is_no_change(shop: Shop, token: str):
    for given in ({}, {"name": "Ana Ruiz"}, {"username": None}):
        assert (await call(shop, UPDATE, token, **given))["customer"]["version"] == 1
    activity = await shop.ask(ACTIVITY, token, first=9)
    kinds = [edge["node"]["kind"] for edge in activity["data"]["me"]["accountActivity"]["edges"]]
    assert AccountEventKind.PROFILE_CHANGED not in kinds


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": None}, ("REQUIRED", "name")),
        ({"name": " "}, ("REQUIRED", "name")),
        ({"name": "4111 1111 1111 1111"}, ("CARD_NUMBER_REFUSED", "name")),
        ({"username": "TAKEN"}, ("TAKEN", "username")),
        ({"username": "a@b"}, ("INVALID", "username")),
        ({"phone": "555"}, ("INVALID", "phone")),
        ({"expectedVersion": 7}, ("VERSION_CONFLICT", "expectedVersion")),
        ({"expectedVersion": 7, "username": "taken"}, ("VERSION_CONFLICT", "expectedVersion")),
    ],
)
async def test_refused_change_leaves_everything_as_it_is(
    shop: Shop, token: str, given: dict[str, Any], code: tuple[str, ...]
):
    other = await customer(shop.database, "other@example.com")
    taken = update(Account).where(Account.id == other).values(username="Taken")
    await shop.database.transact(lambda transaction: transaction.execute(taken))
    good = {"name": "Eva"} if "name" not in given else {"phone": "+12025550143"}
    payload = await call(shop, UPDATE, token, **good, **given)
    assert (payload["customer"], refused(payload)) == (None, [code])
    me = (await shop.ask("{ me { version name username phone } }", token))["data"]["me"]
    assert me == {"version": 1, "name": "Ana Ruiz", "username": None, "phone": None}


async def test_change_of_the_expected_version_is_made(shop: Shop, token: str):
    payload = await call(shop, UPDATE, token, expectedVersion=1, name="Eva")
    assert payload["customer"]["version"] == 2


async def test_usernames_are_not_tried_without_end(shop: Shop, token: str):
    for number in range(20):
        assert refused(await call(shop, UPDATE, token, username=f"ana{number}")) == []
    limited = await shop.ask(UPDATE, token, input={"username": "ana20"})
    assert limited["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert refused(await call(shop, UPDATE, token, name="Eva")) == []


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        (UPDATE, {"name": "Eve"}),
        (PREFERENCES, {"interests": ["silk"]}),
        (COMMUNICATION, {"email": True}),
    ],
)
async def test_signed_out_nothing_is_changed(shop: Shop, mutation: str, given: dict[str, Any]):
    answer = await shop.ask(mutation, input=given)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
