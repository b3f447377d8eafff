"""Signing in through HTTP, for tests."""

import re
from typing import Any
from uuid import UUID

import httpx

from auth.passwords import PasswordHasher
from models.database import Database
from tests.support.login_session import PASSWORD, account_with, email_of
from tests.support.shop import Shop

SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) {
  session { token expiresAt } customer { id email } userErrors { code field message } } }"""
SIGN_OUT = "mutation { signOut { signedOut userErrors { code } } }"
REVOKE = """mutation ($id: ID!) { sessionRevoke(input: {id: $id}) {
  session { id current } userErrors { code field } } }"""
REVOKE_OTHERS = "mutation { sessionsRevokeOthers { revokedCount userErrors { code } } }"
STEP_UP = """mutation ($password: String) { stepUp(input: {password: $password}) {
  validUntil userErrors { code field } } }"""
SESSIONS = "{ me { sessions { id current deviceName deviceKind ipNetwork publicComputer } } }"
VIEWER = "{ viewer { kind permissions stepUpUntil session { id current } } }"
WHO = "{ viewer { kind } }"

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
HANDED_OVER = re.compile(
    r"__Host-layette=(lys_[0-9A-Za-z]+); Path=/; Secure; HttpOnly; SameSite=Lax(?:; Max-Age=(\d+))?"
)
TAKEN_BACK = "__Host-layette=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"


async def signed_up(database: Database) -> UUID:
    """An account whose email address is `email_of` it and whose password is PASSWORD."""
    hasher = PasswordHasher()
    try:
        password_hash = await hasher.hash(PASSWORD)
    finally:
        hasher.close()
    return await database.transact(lambda transaction: account_with(transaction, password_hash))


async def post(shop: Shop, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
    headers = {"user-agent": FIREFOX} | ({"authorization": f"Bearer {token}"} if token else {})
    return await shop.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


async def sign_in(shop: Shop, identifier: str, password: str = PASSWORD, **given: Any) -> httpx.Response:
    return await post(shop, SIGN_IN, input={"identifier": identifier, "password": password, **given})


async def token_of(shop: Shop, account_id: UUID, **given: Any) -> str:
    payload = (await sign_in(shop, email_of(account_id), **given)).json()["data"]["signIn"]
    assert payload["userErrors"] == []
    return payload["session"]["token"]


async def asked(shop: Shop, query: str, token: str | None = None, **variables: Any) -> Any:
    """The one root field of an operation that has no errors."""
    answer = await shop.ask(query, token, **variables)
    assert "errors" not in answer, answer
    (found,) = answer["data"].values()
    return found


async def own_sessions(shop: Shop, token: str) -> list[dict[str, Any]]:
    return (await asked(shop, SESSIONS, token))["sessions"]


async def kind_of(shop: Shop, token: str | None) -> str:
    return (await asked(shop, WHO, token))["kind"]


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]
