"""Tills through HTTP: operations as four kinds of caller, and what a till opens."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import select, update

from app.embedded import Services
from app.settings import Settings
from models.account import AccountEvent, AccountEventKind
from models.classification import Channel
from models.database import Database
from models.ids import new_id, show_id
from models.login_session import LoginSession
from models.return_request import ReturnRequest
from models.till import StaffPin, Till
from tests.support.ordering import open_counter
from tests.support.selling import variant
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import SIGN_OUT, asked, kind_of, signed_up
from tests.support.staff import Employee, at_work, employed

PIN = "482915"
TILL = "id version name disabled keyPrefix lastUsedAt"
SAVE = f"""mutation ($input: TillSaveInput!) {{ tillSave(input: $input) {{
  till {{ {TILL} }} userErrors {{ code field }} }} }}"""
ISSUE = f"""mutation ($till: ID!) {{ tillKeyIssue(input: {{tillId: $till}}) {{
  key till {{ {TILL} }} userErrors {{ code field }} }} }}"""
PIN_SET = """mutation ($pin: String!) { staffPinSet(input: {pin: $pin}) {
  staff { id } userErrors { code field } } }"""
SIGN_IN = """mutation ($key: String!, $email: String!, $pin: String!) {
  tillSignIn(input: {deviceKey: $key, staffEmail: $email, pin: $pin}) {
    session { token expiresAt } customer { id } challenge { token } userErrors { code field message } } }"""
SELL = """mutation ($input: OrderPlaceInStoreInput!) { orderPlaceInStore(input: $input) {
  order { id channel status lines { id } } userErrors { code } } }"""
TAKE_BACK = """mutation ($input: ReturnRequestCreateInput!) { returnRequestCreate(input: $input) {
  returnRequest { status } userErrors { code } } }"""
LIST = f"{{ tills {{ {TILL} }} }}"
NODE = "query ($id: ID!) { node(id: $id) { ... on Till { name } } }"
WHO = "{ viewer { kind permissions purposes { purpose } stepUpUntil } }"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@dataclass(frozen=True)
class Callers:
    """Tokens of nobody, a customer, a member who may not manage tills, and the owner; and that member."""

    tokens: dict[str, str | None]
    clerk: Employee

    @property
    def owner(self) -> str | None:
        return self.tokens["owner"]


@pytest_asyncio.fixture(loop_scope="session")
async def callers(shop: Shop) -> Callers:
    clerk = await employed(shop.database, "floor")
    owner = await employed(shop.database, "owner")
    tokens: dict[str, str | None] = {
        "anonymous": None,
        "customer": await shop.session(await signed_up(shop.database)),
        "clerk": (await at_work(shop.database, clerk)).token,
        "owner": (await at_work(shop.database, owner)).token,
    }
    return Callers(tokens, clerk)


@dataclass(frozen=True)
class Desk:
    """A till, its key, and a seller who has a PIN."""

    id: str
    key: str
    seller: Employee


@pytest_asyncio.fixture(loop_scope="session")
async def desk(shop: Shop, callers: Callers) -> Desk:
    till = (await asked(shop, SAVE, callers.owner, input={"name": "Front desk"}))["till"]
    key = (await asked(shop, ISSUE, callers.owner, till=till["id"]))["key"]
    assert (await asked(shop, PIN_SET, callers.tokens["clerk"], pin=PIN))["userErrors"] == []
    return Desk(till["id"], key, callers.clerk)


async def enter(shop: Shop, desk: Desk, pin: str = PIN, **given: str) -> Any:
    return await asked(shop, SIGN_IN, None, **({"key": desk.key, "email": desk.seller.email, "pin": pin} | given))


REFUSED = {
    "anonymous": ("UNAUTHENTICATED", None),
    "customer": ("FORBIDDEN", "PERMISSION"),
    "clerk": ("FORBIDDEN", "PERMISSION"),
}


def reason(answer: dict[str, Any]) -> tuple[str, str | None]:
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["extensions"].get("reason")


@pytest.mark.parametrize("caller", REFUSED)
async def test_tills_are_the_business_of_who_manages_them(shop: Shop, callers: Callers, desk: Desk, caller: str):
    token = callers.tokens[caller]
    rows = select(Till.__table__)
    before = (await shop.database.transact(lambda t: t.execute(rows))).all()
    for query, variables in (
        (SAVE, {"input": {"name": "Another"}}),
        (SAVE, {"input": {"id": desk.id, "disabled": True}}),
        (ISSUE, {"till": desk.id}),
        (LIST, {}),
    ):
        assert reason(await shop.ask(query, token, **variables)) == REFUSED[caller], query
    assert (await shop.ask(NODE, token, id=desk.id))["data"]["node"] is None
    assert (await shop.database.transact(lambda t: t.execute(rows))).all() == before


@pytest.mark.parametrize("caller", ["anonymous", "customer"])
async def test_pins_are_set_by_staff_alone(shop: Shop, callers: Callers, caller: str):
    assert reason(await shop.ask(PIN_SET, callers.tokens[caller], pin=PIN)) == REFUSED[caller]
    assert await shop.database.transact(lambda t: t.scalar(select(StaffPin.account_id))) is None


async def test_till_is_saved_and_its_key_is_shown_once(shop: Shop, callers: Callers):
    made = await asked(shop, SAVE, callers.owner, input={"name": "Front desk"})
    till = made["till"]
    assert till == {
        "id": till["id"], "version": 1, "name": "Front desk", "disabled": False, "keyPrefix": None, "lastUsedAt": None,
    }  # fmt: skip
    issued = await asked(shop, ISSUE, callers.owner, till=till["id"])
    assert issued["key"].startswith("lyt_")
    assert issued["till"]["keyPrefix"] == issued["key"][:10]
    again = await asked(shop, ISSUE, callers.owner, till=till["id"])
    assert again["key"] != issued["key"]
    for together_with in ("", " viewer { kind }"):
        listed = await shop.ask(LIST.replace("{", "{" + together_with, 1), callers.owner)
        assert issued["key"] not in str(listed)
        assert [one["name"] for one in listed["data"]["tills"]] == ["Front desk"]


async def test_refusals_name_their_field(shop: Shop, callers: Callers, desk: Desk):
    for given, error in (
        ({}, ("REQUIRED", ["name"])),
        ({"name": "Front desk"}, ("TAKEN", ["name"])),
        ({"id": "til_1", "name": "X"}, ("NOT_FOUND", ["id"])),
        ({"id": show_id("til", new_id())}, ("NOT_FOUND", ["id"])),
        ({"id": desk.id, "expectedVersion": 1, "name": "X"}, ("VERSION_CONFLICT", ["expectedVersion"])),
    ):
        answer = await asked(shop, SAVE, callers.owner, input=given)
        assert answer == {"till": None, "userErrors": [{"code": error[0], "field": error[1]}]}
    for key in ("nonsense", show_id("til", new_id())):
        answer = await asked(shop, ISSUE, callers.owner, till=key)
        assert answer == {"key": None, "till": None, "userErrors": [{"code": "NOT_FOUND", "field": ["tillId"]}]}


async def test_seller_signs_in_and_may_do_what_a_till_is_for(shop: Shop, callers: Callers, desk: Desk):
    payload = await enter(shop, desk)
    assert (payload["customer"], payload["challenge"], payload["userErrors"]) == (None, None, [])
    viewer = await asked(shop, WHO, payload["session"]["token"])
    assert (viewer["kind"], viewer["stepUpUntil"]) == ("STAFF", None)
    assert "order:write" in viewer["permissions"]
    assert viewer["purposes"] == [{"purpose": "PRODUCTS"}]


async def test_seller_sells_and_takes_back_in_the_store(shop: Shop, callers: Callers, desk: Desk):
    await shop.database.transact(open_counter)
    dress = show_id("var", await shop.database.transact(variant))
    token = (await enter(shop, desk))["session"]["token"]
    sale = {
        "currencyCode": "USD",
        "lines": [{"variantId": dress, "quantity": 1}],
        "tenders": [{"kind": "CASH", "amount": {"amount": "30.00", "currencyCode": "USD"}}],
        "idempotencyKey": "sale",
    }
    sold = await asked(shop, SELL, token, input=sale)
    assert sold["userErrors"] == []
    assert (sold["order"]["channel"], sold["order"]["status"]) == ("IN_STORE", "DELIVERED")
    line = {"orderLineId": sold["order"]["lines"][0]["id"], "quantity": 1, "reason": "DAMAGED"}
    given = {"orderId": sold["order"]["id"], "lines": [line], "idempotencyKey": "return"}
    back = await asked(shop, TAKE_BACK, token, input=given)
    assert back == {"returnRequest": {"status": "APPROVED"}, "userErrors": []}
    channel = select(ReturnRequest.channel)
    assert await shop.database.transact(lambda t: t.scalar(channel)) == Channel.IN_STORE


async def test_owner_at_a_till_manages_nothing(shop: Shop, callers: Callers, desk: Desk):
    assert (await asked(shop, PIN_SET, callers.owner, pin="730164"))["userErrors"] == []
    listed = await asked(shop, "{ staff(first: 9) { edges { node { email roles { name } } } } }", callers.owner)
    (email,) = [one["node"]["email"] for one in listed["edges"] if one["node"]["roles"] == [{"name": "owner"}]]
    token = (await enter(shop, desk, "730164", email=email))["session"]["token"]
    for query, variables in ((LIST, {}), (ISSUE, {"till": desk.id}), ("{ staff(first: 1) { edges { cursor } } }", {})):
        assert reason(await shop.ask(query, token, **variables)) == ("FORBIDDEN", "PERMISSION")
        # Once more, when the process knows the session already.
        assert reason(await shop.ask(query, token, **variables)) == ("FORBIDDEN", "PERMISSION")


async def test_what_is_recorded_in_a_session_at_the_till_came_through_the_store(
    shop: Shop, callers: Callers, desk: Desk
):
    token = (await enter(shop, desk))["session"]["token"]
    await asked(shop, SIGN_OUT, token)
    event = select(AccountEvent.channel).where(AccountEvent.kind == AccountEventKind.SIGNED_OUT)
    assert await shop.database.transact(lambda t: t.scalar(event)) == Channel.IN_STORE


async def test_nobody_is_in_the_store_by_saying_so(shop: Shop, callers: Callers):
    body, headers = {"query": SIGN_OUT}, {"authorization": f"Bearer {callers.tokens['clerk']}", "x-channel": "IN_STORE"}
    await shop.client.post("/graphql", json=body, headers=headers)
    event = select(AccountEvent.channel).where(AccountEvent.kind == AccountEventKind.SIGNED_OUT)
    assert await shop.database.transact(lambda t: t.scalar(event)) == Channel.WEB


async def test_till_key_is_no_credential_by_itself(shop: Shop, desk: Desk):
    assert await kind_of(shop, desk.key) == "ANONYMOUS"


async def test_new_key_and_disabling_end_what_is_signed_in_at_the_till(shop: Shop, callers: Callers, desk: Desk):
    token = (await enter(shop, desk))["session"]["token"]
    await asked(shop, ISSUE, callers.owner, till=desk.id)
    assert await kind_of(shop, token) == "ANONYMOUS"
    answer = await enter(shop, desk)
    assert (answer["session"], answer["userErrors"][0]["code"]) == (None, "INVALID_CREDENTIALS")


async def test_wrong_pins_are_answered_alike_and_then_no_more(shop: Shop, callers: Callers, desk: Desk):
    answers = [await enter(shop, desk, "730164") for _ in range(5)]
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0]["session"], answers[0]["userErrors"][0]["field"]) == (None, None)
    variables = {"key": desk.key, "email": f" {desk.seller.email.upper()}", "pin": PIN}
    refused = await shop.ask(SIGN_IN, None, **variables)
    assert refused["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert refused["errors"][0]["extensions"]["retryAfter"] > 0


async def test_who_has_no_good_key_locks_nobody_out(shop: Shop, callers: Callers, desk: Desk):
    for number in range(7):
        await shop.ask(SIGN_IN, None, key=f"lyt_{number}", email=desk.seller.email, pin=PIN)
    assert (await enter(shop, desk))["session"]


async def test_sign_ins_that_succeed_use_nothing_up(shop: Shop, callers: Callers, desk: Desk):
    for _ in range(8):
        assert (await enter(shop, desk))["session"]


async def test_pin_needs_a_fresh_step_up(shop: Shop, callers: Callers):
    stale = update(LoginSession).values(stepped_up_at=None)
    await shop.database.transact(lambda t: t.execute(stale))
    answer = await asked(shop, PIN_SET, callers.tokens["clerk"], pin=PIN)
    assert (answer["staff"], answer["userErrors"]) == (None, [{"code": "STEP_UP_REQUIRED", "field": None}])
    assert await shop.database.transact(lambda t: t.scalar(select(StaffPin.account_id))) is None
