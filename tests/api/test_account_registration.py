"""Registering through HTTP, from the form to a session (P2, P21, P22, P26, P54)."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.embedded import Services
from app.settings import Settings
from models.account import Account, Registration
from models.database import Database
from privacy import policy
from tests.support.account import Post, customer, everything, letters, rows
from tests.support.login_session import PASSWORD
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import SIGN_OUT, TAKEN_BACK

REGISTER = """mutation ($input: AccountRegisterInput!) { accountRegister(input: $input) {
  status userErrors { code field message } } }"""
VERIFY = """mutation ($input: AccountVerifyInput!) { accountVerify(input: $input) {
  session { token expiresAt } customer { email emailVerified username hasPassword acknowledgements { version channel }
  preferences { version } communicationPreferences { version email } } userErrors { code field } } }"""
SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) {
  session { token } userErrors { code } } }"""
ANA = {
    "name": "Ana Ruiz",
    "email": "ana@example.com",
    "ageBand": "ADULT",
    "acceptsPolicyVersion": policy.CURRENT.version,
}
CHILD = ANA | {"name": "Zoë Quillfeather", "email": "zoe.q@example.org", "ageBand": "UNDER_13"}
GUARDIAN = {"guardianEmail": "eva@example.com"}
SENT, GUARDIAN_ASKED = "VERIFICATION_SENT", "GUARDIAN_CONSENT_SENT"
NO_GUARDIAN = [("GUARDIAN_CONSENT_REQUIRED", "guardianEmail")]


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@pytest.fixture
def post(shop: Shop) -> Post:
    return Post(shop.database)


async def register(shop: Shop, **typed: Any) -> dict[str, Any]:
    return (await shop.ask(REGISTER, input=ANA | typed))["data"]["accountRegister"]


async def verify(shop: Shop, token: str, **typed: Any) -> dict[str, Any]:
    return (await shop.ask(VERIFY, input={"token": token, "password": PASSWORD} | typed))["data"]["accountVerify"]


def refused(payload: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(error["code"], *error["field"]) for error in payload["userErrors"]]


async def answer(shop: Shop, cookie: str | None = None, **typed: Any) -> httpx.Response:
    """The response to a registration in a browser that has the cookie."""
    shop.client.cookies.clear()
    headers = {"cookie": cookie} if cookie else {}
    body = {"query": REGISTER, "variables": {"input": CHILD | typed}}
    return await shop.client.post("/graphql", json=body, headers=headers)


def payload_of(response: httpx.Response) -> dict[str, Any]:
    return response.json()["data"]["accountRegister"]


async def test_p26_customer_registers_verifies_and_signs_in(shop: Shop, post: Post):
    assert await register(shop) == {"status": SENT, "userErrors": []}
    verified = await verify(shop, await post.token_for("ana@example.com"), username="ana")
    assert verified["userErrors"] == []
    assert verified["customer"] == {
        "email": "ana@example.com",
        "emailVerified": True,
        "username": "ana",
        "hasPassword": True,
        "acknowledgements": [{"version": policy.CURRENT.version, "channel": "WEB"}],
        "preferences": {"version": 1},
        "communicationPreferences": {"version": 1, "email": False},
    }
    me = await shop.ask(
        "{ me { email accountActivity(first: 5) { edges { node { kind } } } } }", verified["session"]["token"]
    )
    kinds = [edge["node"]["kind"] for edge in me["data"]["me"]["accountActivity"]["edges"]]
    assert kinds == ["SIGNED_IN", "REGISTERED"]
    signed_in = await shop.ask(SIGN_IN, input={"identifier": "ANA", "password": PASSWORD})
    assert signed_in["data"]["signIn"]["session"]["token"]


async def test_p26_known_and_unknown_addresses_get_the_same_answer(shop: Shop, post: Post):
    await customer(shop.database, "known@example.com")
    known = await shop.client.post(
        "/graphql", json={"query": REGISTER, "variables": {"input": ANA | {"email": "known@example.com"}}}
    )
    unknown = await shop.client.post("/graphql", json={"query": REGISTER, "variables": {"input": ANA}})
    assert (known.content, known.status_code) == (unknown.content, unknown.status_code)
    assert known.headers.keys() == unknown.headers.keys()
    assert letters(await post.deliver()) == {
        ("known@example.com", "You already have"),
        ("ana@example.com", "Confirm your address"),
    }


async def test_p2_policy_that_is_not_in_force_is_not_accepted(shop: Shop):
    current = (await shop.ask("{ privacyPolicy { version } }"))["data"]["privacyPolicy"]["version"]
    outcome = await register(shop, acceptsPolicyVersion="2019-01-01")
    assert refused(outcome) == [("POLICY_NOT_ACCEPTED", "acceptsPolicyVersion")]
    assert current in outcome["userErrors"][0]["message"]
    assert (await register(shop, acceptsPolicyVersion=current))["status"] == SENT


async def test_session_of_a_new_account_may_come_as_a_cookie(shop: Shop, post: Post):
    await register(shop)
    token = await post.token_for("ana@example.com")
    verified = await verify(shop, token, transport="COOKIE")
    assert verified["session"]["token"] is None
    assert (await shop.ask("{ me { email } }"))["data"]["me"] == {"email": "ana@example.com"}


async def test_account_without_a_password_says_so(shop: Shop, post: Post):
    await register(shop)
    verified = await verify(shop, await post.token_for("ana@example.com"), password=None)
    assert verified["customer"]["hasPassword"] is False


async def test_p54_refused_password_leaves_the_token_good(shop: Shop, post: Post):
    await register(shop)
    token = await post.token_for("ana@example.com")
    assert refused(await verify(shop, token, password="abcdef1")) == [("BREACHED_PASSWORD", "password")]
    assert refused(await verify(shop, token)) == []
    again = await verify(shop, token)
    assert (refused(again), again["session"], again["customer"]) == ([("TOKEN_INVALID", "token")], None, None)


@pytest.mark.parametrize(
    "typed",
    [
        {"email": "ana@example.com\x00"},
        {"name": "\ud800"},
        {"name": "e" + "\u0301" * 5000},
        {"name": "x" * 100_000},
        {"email": "a" * 100_000 + "@example.com"},
        {"phone": "1" * 100_000},
        {"guardianEmail": "x" * 10_000, "ageBand": "UNDER_13"},
        {"acceptsPolicyVersion": ""},
        {"ageBand": "OLD"},
        {"ageBand": None},
    ],
)
async def test_absurd_form_is_refused_with_a_code_and_nothing_is_written(shop: Shop, post: Post, typed: dict[str, Any]):
    body = json.dumps({"query": REGISTER, "variables": {"input": ANA | typed}})
    response = await shop.client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code in {200, 400}
    found = response.json()
    errors = found.get("errors") or found["data"]["accountRegister"]["userErrors"]
    codes = {error.get("code") or error["extensions"]["code"] for error in errors}
    assert codes
    assert "INTERNAL_SERVER_ERROR" not in codes
    assert await shop.database.transact(lambda transaction: rows(transaction, Registration)) == []
    assert await post.deliver() == []


# ---- children


async def test_p22_child_needs_a_guardian_and_nothing_of_it_is_kept(shop: Shop, post: Post):
    assert refused(payload_of(await answer(shop))) == NO_GUARDIAN
    assert payload_of(await answer(shop, **GUARDIAN)) == {"status": GUARDIAN_ASKED, "userErrors": []}
    assert letters(await post.deliver()) == {("eva@example.com", "A child asks")}
    stored = await shop.database.transact(everything)
    assert "eva@example.com" in stored
    for trace in ("Quillfeather", "Zo", "zoe.q", "example.org", "UNDER_13"):
        assert trace not in stored


async def test_p21_browser_remembers_the_answer_and_nothing_else(shop: Shop):
    response = await answer(shop)
    assert response.headers["set-cookie"] == (
        "__Host-age-answer=under-13; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"
    )
    adult = await answer(shop, ageBand="ADULT")
    assert "set-cookie" not in adult.headers


@pytest.mark.parametrize("age_band", ["FROM_13_TO_17", "ADULT"])
async def test_p21_another_answer_from_the_same_browser_does_not_get_past(shop: Shop, post: Post, age_band: str):
    cookie = (await answer(shop)).headers["set-cookie"].partition(";")[0]
    again = await answer(shop, cookie, ageBand=age_band)
    assert refused(payload_of(again)) == NO_GUARDIAN
    asked = await answer(shop, cookie, ageBand=age_band, **GUARDIAN)
    assert payload_of(asked)["status"] == GUARDIAN_ASKED
    assert letters(await post.deliver()) == {("eva@example.com", "A child asks")}
    assert await shop.database.transact(lambda transaction: rows(transaction, Registration)) == []
    assert "Quillfeather" not in await shop.database.transact(everything)
    assert payload_of(await answer(shop, ageBand=age_band))["status"] == SENT


async def test_p21_another_answer_within_the_same_request_does_not_get_past(shop: Shop, post: Post):
    both = """mutation ($child: AccountRegisterInput!, $adult: AccountRegisterInput!) {
      first: accountRegister(input: $child) { status userErrors { code field } }
      second: accountRegister(input: $adult) { status userErrors { code field } } }"""
    given = await shop.ask(both, child=CHILD | GUARDIAN, adult=ANA)
    assert given["data"]["first"] == {"status": GUARDIAN_ASKED, "userErrors": []}
    assert refused(given["data"]["second"]) == NO_GUARDIAN
    assert letters(await post.deliver()) == {("eva@example.com", "A child asks")}
    assert await shop.database.transact(lambda transaction: rows(transaction, Registration)) == []


@pytest.mark.parametrize(
    "order",
    [
        "{ accountRegister(input: $input) { status } signOut { signedOut } }",
        "{ signOut { signedOut } accountRegister(input: $input) { status } }",
    ],
)
async def test_p21_signing_out_within_the_same_request_keeps_the_answer(shop: Shop, order: str):
    query = f"mutation ($input: AccountRegisterInput!) {order}"
    response = await shop.client.post("/graphql", json={"query": query, "variables": {"input": CHILD | GUARDIAN}})
    assert response.headers["clear-site-data"] == '"cache", "storage"'
    assert sorted(cookie.partition(";")[0] for cookie in response.headers.get_list("set-cookie")) == [
        "__Host-age-answer=under-13",
        "__Host-layette=",
    ]


async def test_p21_signing_out_later_keeps_the_answer(shop: Shop):
    await answer(shop)
    assert dict(shop.client.cookies) == {"__Host-age-answer": "under-13"}
    signed_out = await shop.client.post("/graphql", json={"query": SIGN_OUT})
    assert signed_out.headers["clear-site-data"] == '"cache", "storage"'
    assert signed_out.headers["set-cookie"] == TAKEN_BACK
    again = await shop.client.post("/graphql", json={"query": REGISTER, "variables": {"input": ANA}})
    assert refused(payload_of(again)) == NO_GUARDIAN


async def test_p21_answer_is_remembered_also_when_it_comes_too_often(shop: Shop):
    for _ in range(3):
        assert payload_of(await answer(shop, **GUARDIAN))["status"] == GUARDIAN_ASKED
    limited = await answer(shop, **GUARDIAN)
    assert limited.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert limited.headers["set-cookie"].startswith("__Host-age-answer=under-13;")


# ---- throttling


async def test_mailbox_is_not_flooded_whether_or_not_it_has_an_account(shop: Shop, post: Post):
    await customer(shop.database, "known@example.com")
    for address in ("known@example.com", "unknown@example.com"):
        for typed in (address, address.upper(), address):
            assert (await register(shop, email=typed))["status"] == SENT
        limited = await shop.ask(REGISTER, input=ANA | {"email": address})
        assert limited["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert len(await post.deliver()) == 6
    assert (await register(shop, email="third@example.com"))["status"] == SENT


async def test_one_caller_does_not_register_without_end(shop: Shop):
    for number in range(20):
        assert (await register(shop, email=f"ana{number}@example.com"))["status"] == SENT
    body = {"query": REGISTER, "variables": {"input": ANA}}
    limited = await shop.client.post("/graphql", json=body)
    assert limited.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert 0 < int(limited.headers["retry-after"]) <= 900


async def test_one_caller_does_not_try_tokens_without_end(shop: Shop, post: Post):
    await register(shop)
    token = await post.token_for("ana@example.com")
    for _ in range(30):
        assert refused(await verify(shop, "lym_" + "0" * 39)) == [("TOKEN_INVALID", "token")]
    limited = await shop.ask(VERIFY, input={"token": token, "password": PASSWORD})
    assert limited["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert await shop.database.transact(lambda transaction: rows(transaction, Account)) == []
