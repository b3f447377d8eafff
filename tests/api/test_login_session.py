"""Signing in and out, and one's sessions, through HTTP (P14, P29, P55; ASVS 7)."""

import re
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import func, select, update

from app.embedded import Services
from app.settings import Settings
from auth import sessions
from auth.passwords import Busy, PasswordHasher
from auth.tokens import Kind, digest, new_token
from models.account import Account
from models.database import Database
from models.login_session import LoginSession
from tests.support.login_session import PASSWORD, account_with, ago, change, email_of
from tests.support.redis_line import redis_line
from tests.support.server_process import server_process
from tests.support.shop import Shop, open_shop

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


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def password_hash() -> str:
    hasher = PasswordHasher()
    try:
        return await hasher.hash(PASSWORD)
    finally:
        hasher.close()


@pytest_asyncio.fixture(loop_scope="session")
async def ana(shop: Shop, password_hash: str) -> UUID:
    return await shop.database.transact(lambda transaction: account_with(transaction, password_hash))


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


# ---- signing in


async def test_sign_in_answers_with_a_token_and_the_customer(shop: Shop, ana: UUID):
    response = await sign_in(shop, email_of(ana))
    payload = response.json()["data"]["signIn"]
    assert payload["customer"] == {"id": f"cus_{ana.hex}", "email": email_of(ana)}
    assert payload["userErrors"] == []
    left = datetime.fromisoformat(payload["session"]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-store"
    assert await kind_of(shop, payload["session"]["token"]) == "CUSTOMER"


@pytest.mark.parametrize(
    "who",
    [lambda ana: (email_of(ana), "wrong"), lambda ana: ("nobody@example.com", PASSWORD)],
    ids=["known", "unknown"],
)
async def test_failures_look_alike(shop: Shop, ana: UUID, who: Callable[[UUID], tuple[str, str]]):
    response = await sign_in(shop, *who(ana))
    assert response.json() == {
        "data": {
            "signIn": {
                "session": None,
                "customer": None,
                "userErrors": [
                    {
                        "code": "INVALID_CREDENTIALS",
                        "field": None,
                        "message": "Name and password do not go together.",
                    }
                ],
            }
        }
    }
    assert "set-cookie" not in response.headers


async def test_session_shows_the_family_of_a_device_and_its_network(shop: Shop, ana: UUID):
    (session,) = await own_sessions(shop, await token_of(shop, ana))
    assert session | {"id": ""} == {
        "id": "",
        "current": True,
        "deviceName": "Firefox 143 on Linux",
        "deviceKind": "DESKTOP",
        "ipNetwork": "127.0.0.0/24",
        "publicComputer": False,
    }


async def test_session_of_a_public_computer_lasts_two_hours(shop: Shop, ana: UUID):
    response = await sign_in(shop, email_of(ana), publicComputer=True, deviceName="Library")
    session = response.json()["data"]["signIn"]["session"]
    left = datetime.fromisoformat(session["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    (shown,) = await own_sessions(shop, session["token"])
    assert (shown["publicComputer"], shown["deviceName"]) == (True, "Library")
    assert (await asked(shop, VIEWER, session["token"]))["stepUpUntil"] is None


@pytest.mark.parametrize("given", [{"publicComputer": None}, {"deviceName": None}, {"transport": None}])
async def test_null_is_what_is_usual(shop: Shop, ana: UUID, given: dict[str, None]):
    (session,) = await own_sessions(shop, await token_of(shop, ana, **given))
    assert (session["publicComputer"], session["deviceName"]) == (False, "Firefox 143 on Linux")


async def test_signing_in_ends_the_session_that_comes_with_it(shop: Shop, ana: UUID, password_hash: str):
    bo = await shop.database.transact(lambda transaction: account_with(transaction, password_hash))
    old = await token_of(shop, ana)
    given = {"identifier": email_of(bo), "password": PASSWORD}
    payload = (await post(shop, SIGN_IN, old, input=given)).json()["data"]["signIn"]
    assert payload["customer"]["id"] == f"cus_{bo.hex}"
    assert await kind_of(shop, old) == "ANONYMOUS"
    assert await kind_of(shop, payload["session"]["token"]) == "CUSTOMER"


# ---- cookies


@pytest.mark.parametrize(("public_computer", "age"), [(False, str(30 * 24 * 3600)), (True, None)])
async def test_cookie_is_for_this_host_and_no_script(shop: Shop, ana: UUID, public_computer: bool, age: str | None):
    response = await sign_in(shop, email_of(ana), transport="COOKIE", publicComputer=public_computer)
    payload = response.json()["data"]["signIn"]
    assert payload["session"]["token"] is None
    assert payload["customer"]["id"] == f"cus_{ana.hex}"
    handed_over = HANDED_OVER.fullmatch(response.headers["set-cookie"])
    assert handed_over is not None
    assert handed_over[2] == age
    assert handed_over[1] not in response.text


async def test_cookie_signs_in_and_only_with_proof_that_no_other_site_sent_it(shop: Shop, ana: UUID):
    await sign_in(shop, email_of(ana), transport="COOKIE")
    assert await kind_of(shop, None) == "CUSTOMER"
    proofs: list[tuple[dict[str, str], str]] = [({}, "ANONYMOUS"), ({"x-layette-csrf": "1"}, "CUSTOMER")]
    for headers, kind in proofs:
        answer = await shop.client.get("/graphql", params={"query": WHO}, headers=headers)
        assert answer.json()["data"]["viewer"]["kind"] == kind


async def test_wrong_authorization_is_not_made_good_by_a_cookie(shop: Shop, ana: UUID):
    await sign_in(shop, email_of(ana), transport="COOKIE")
    assert await kind_of(shop, "nonsense") == "ANONYMOUS"
    assert await kind_of(shop, None) == "CUSTOMER"


# ---- credentials that are none


NO_CREDENTIALS = [
    "",
    "Bearer",
    "Bearer ",
    "Basic YW5hOnNlY3JldA==",
    "Bearer lys_",
    "Bearer lys_" + "0" * 39,
    "Bearer lys_" + "A" * 500,
    "Bearer ' OR 1=1 --",
    "Bearer \xff\xfe",
    f"Bearer {new_token(Kind.SESSION).text}",
    f"Bearer {new_token(Kind.SESSION).text[:-1]}",
    *(f"Bearer {new_token(kind).text}" for kind in Kind if kind is not Kind.SESSION),
]


async def test_credential_that_is_none_is_an_anonymous_caller(shop: Shop):
    for authorization in NO_CREDENTIALS:
        headers = {b"authorization": authorization.encode("latin-1")}
        for query, nobody in (("{ me { id } }", {"me": None}), (WHO, {"viewer": {"kind": "ANONYMOUS"}})):
            response = await shop.client.post("/graphql", json={"query": query}, headers=headers)
            assert (response.status_code, response.json()) == (200, {"data": nobody}), authorization


async def test_token_of_another_kind_does_not_open_a_session_by_its_digest(shop: Shop, ana: UUID):
    """A session whose digest is that of a mail's token: the prefix decides before the digest is looked up."""
    foreign = new_token(Kind.MAIL_LINK)
    await token_of(shop, ana)
    await shop.database.transact(
        lambda transaction: transaction.execute(update(LoginSession).values(token_digest=foreign.digest))
    )
    assert await kind_of(shop, foreign.text) == "ANONYMOUS"


ENDED: dict[str, dict[str, Any]] = {
    "revoked": {"revoked_at": func.now()},
    "expired": {"expires_at": ago(seconds=1)},
    "idle": {"last_used_at": ago(days=14)},
}


@pytest.mark.parametrize("ended", [*ENDED, "disabled"])
async def test_ended_session_is_refused_everywhere(shop: Shop, ana: UUID, ended: str):
    token = await token_of(shop, ana)
    assert await kind_of(shop, token) == "CUSTOMER"
    (session,) = await own_sessions(shop, token)
    key = UUID(session["id"].removeprefix("ses_"))

    async def end(transaction: Any) -> None:
        if ended == "disabled":
            await transaction.execute(update(Account).where(Account.id == ana).values(disabled_at=func.now()))
        else:
            await change(transaction, key, **ENDED[ended])

    await shop.database.transact(end)
    assert await asked(shop, "{ me { id } }", token) is None
    assert await asked(shop, VIEWER, token) == {
        "kind": "ANONYMOUS",
        "permissions": [],
        "stepUpUntil": None,
        "session": None,
    }
    for mutation in (REVOKE_OTHERS, STEP_UP, REVOKE.replace("$id: ID!", "$id: ID! = 1")):
        assert codes(await shop.ask(mutation, token)) == ["UNAUTHENTICATED"]
    assert (await asked(shop, SIGN_OUT, token))["signedOut"] is False


async def test_use_puts_off_the_idle_end_whichever_way_it_is_read(shop: Shop, ana: UUID):
    token = await token_of(shop, ana)
    noted = select(func.now() - LoginSession.last_used_at < timedelta(minutes=1))
    for query in ("{ me { id } }", WHO, STEP_UP):
        await shop.database.transact(
            lambda transaction: transaction.execute(update(LoginSession).values(last_used_at=ago(minutes=2)))
        )
        await shop.ask(query, token)
        assert await shop.database.transact(lambda transaction: transaction.scalar(noted)), query


# ---- who one is


async def test_viewer_knows_its_session_and_step_up(shop: Shop, ana: UUID):
    token = await token_of(shop, ana)
    viewer = await asked(shop, VIEWER, token)
    assert (viewer["kind"], viewer["permissions"], viewer["session"]["current"]) == ("CUSTOMER", [], True)
    left = datetime.fromisoformat(viewer["stepUpUntil"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


async def test_anonymous_viewer_has_no_session(shop: Shop):
    nobody = {"kind": "ANONYMOUS", "permissions": [], "stepUpUntil": None, "session": None}
    assert await asked(shop, VIEWER) == nobody


@pytest.mark.parametrize("together_with", ["", "viewer { kind }"], ids=["compiled", "reference"])
async def test_own_live_sessions_are_listed_newest_first(shop: Shop, ana: UUID, password_hash: str, together_with: str):
    bo = await shop.database.transact(lambda transaction: account_with(transaction, password_hash))
    await token_of(shop, bo)
    tokens = [await token_of(shop, ana, deviceName=name) for name in ("one", "two", "three", "four")]
    await shop.database.transact(lambda transaction: sessions.revoke_token(transaction, digest(tokens[2])))
    answer = await shop.ask(f"{{ me {{ sessions {{ deviceName current }} }} {together_with} }}", tokens[1])
    assert answer["data"]["me"]["sessions"] == [
        {"deviceName": "four", "current": False},
        {"deviceName": "two", "current": True},
        {"deviceName": "one", "current": False},
    ]


# ---- ending sessions


async def test_sign_out_ends_the_session_and_clears_the_browser(shop: Shop, ana: UUID):
    token, other = await token_of(shop, ana), await token_of(shop, ana)
    response = await post(shop, SIGN_OUT, token)
    assert response.json()["data"]["signOut"] == {"signedOut": True, "userErrors": []}
    assert response.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert response.headers["set-cookie"] == TAKEN_BACK
    assert await kind_of(shop, token) == "ANONYMOUS"
    assert await kind_of(shop, other) == "CUSTOMER"
    assert (await asked(shop, SIGN_OUT, token))["signedOut"] is False


async def test_sign_out_ends_a_session_by_cookie(shop: Shop, ana: UUID):
    response = await sign_in(shop, email_of(ana), transport="COOKIE")
    handed_over = HANDED_OVER.fullmatch(response.headers["set-cookie"])
    assert handed_over is not None
    assert (await asked(shop, SIGN_OUT))["signedOut"] is True
    assert await kind_of(shop, None) == "ANONYMOUS"
    assert await kind_of(shop, handed_over[1]) == "ANONYMOUS"


async def test_after_signing_out_the_same_request_is_nobodys(shop: Shop, ana: UUID):
    token = await token_of(shop, ana)
    answer = await shop.ask("mutation { signOut { signedOut } sessionsRevokeOthers { revokedCount } }", token)
    assert codes(answer) == ["UNAUTHENTICATED"]


async def test_another_device_can_be_signed_out(shop: Shop, ana: UUID):
    token, lost = await token_of(shop, ana), await token_of(shop, ana)
    (session,) = [session for session in await own_sessions(shop, token) if not session["current"]]
    revoked = await asked(shop, REVOKE, token, id=session["id"])
    assert revoked == {"session": {"id": session["id"], "current": False}, "userErrors": []}
    assert await kind_of(shop, lost) == "ANONYMOUS"
    assert [session["current"] for session in await own_sessions(shop, token)] == [True]
    again = await asked(shop, REVOKE, token, id=session["id"])
    assert again == {"session": None, "userErrors": [{"code": "NOT_FOUND", "field": ["id"]}]}


async def test_revoking_the_current_session_signs_out(shop: Shop, ana: UUID):
    token = await token_of(shop, ana)
    (session,) = await own_sessions(shop, token)
    response = await post(shop, REVOKE, token, id=session["id"])
    assert response.json()["data"]["sessionRevoke"] == {"session": None, "userErrors": []}
    assert response.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert await kind_of(shop, token) == "ANONYMOUS"


async def test_sessions_of_others_are_not_found(shop: Shop, ana: UUID, password_hash: str):
    bo = await shop.database.transact(lambda transaction: account_with(transaction, password_hash))
    token, strangers = await token_of(shop, ana), await token_of(shop, bo)
    (session,) = await own_sessions(shop, strangers)
    for given in (session["id"], f"cus_{ana.hex}", "ses_" + "0" * 32, "nonsense", ""):
        revoked = await asked(shop, REVOKE, token, id=given)
        assert revoked == {"session": None, "userErrors": [{"code": "NOT_FOUND", "field": ["id"]}]}
    assert await kind_of(shop, strangers) == "CUSTOMER"


async def test_every_other_device_can_be_signed_out(shop: Shop, ana: UUID):
    token = await token_of(shop, ana)
    others = [await token_of(shop, ana) for _ in range(3)]
    assert await asked(shop, REVOKE_OTHERS, token) == {"revokedCount": 3, "userErrors": []}
    assert [await kind_of(shop, other) for other in others] == ["ANONYMOUS"] * 3
    assert await kind_of(shop, token) == "CUSTOMER"
    assert await asked(shop, REVOKE_OTHERS, token) == {"revokedCount": 0, "userErrors": []}


# ---- step-up


async def test_password_steps_up(shop: Shop, ana: UUID):
    token = await token_of(shop, ana, publicComputer=True)
    stepped_up = await asked(shop, STEP_UP, token, password=PASSWORD)
    assert stepped_up["userErrors"] == []
    assert (await asked(shop, VIEWER, token))["stepUpUntil"] == stepped_up["validUntil"]


@pytest.mark.parametrize(("password", "code"), [("wrong", "INVALID_CREDENTIALS"), (None, "REQUIRED")])
async def test_wrong_password_does_not_step_up(shop: Shop, ana: UUID, password: str | None, code: str):
    token = await token_of(shop, ana, publicComputer=True)
    refused = await asked(shop, STEP_UP, token, password=password)
    assert refused == {"validUntil": None, "userErrors": [{"code": code, "field": ["password"]}]}
    assert (await asked(shop, VIEWER, token))["stepUpUntil"] is None


# ---- throttling


async def test_guessing_is_throttled_alike_for_known_and_unknown_accounts(shop: Shop, ana: UUID):
    answers = []
    for identifier in (email_of(ana), "nobody@example.com"):
        for _ in range(10):
            assert "errors" not in (await sign_in(shop, identifier, "wrong")).json()
        response = await sign_in(shop, identifier.upper(), PASSWORD)
        assert 1 <= int(response.headers["retry-after"]) <= 15 * 60
        answer = response.json()
        assert answer["errors"][0]["extensions"].pop("retryAfter") == int(response.headers["retry-after"])
        answers.append(answer)
    assert answers[0] == answers[1]
    assert codes(answers[0]) == ["RATE_LIMITED"]
    assert answers[0]["data"] is None


async def test_signing_in_gives_the_account_its_attempts_back(shop: Shop, ana: UUID):
    for _ in range(2):
        for _ in range(9):
            await sign_in(shop, email_of(ana), "wrong")
        await token_of(shop, ana)


async def test_one_address_is_throttled_over_many_accounts(
    settings: Settings, committed_database: Database, running: Services, redis: Redis, password_hash: str
):
    narrow = settings.model_copy(update={"rate_scale": 0.05})
    async with open_shop(narrow, committed_database, running.redis_url) as shop:
        ana = await shop.database.transact(lambda transaction: account_with(transaction, password_hash))
        for at in range(5):
            await sign_in(shop, f"nobody{at}@example.com")
        assert codes((await sign_in(shop, email_of(ana))).json()) == ["RATE_LIMITED"]


async def test_step_up_is_throttled(shop: Shop, ana: UUID):
    token = await token_of(shop, ana)
    for _ in range(10):
        await asked(shop, STEP_UP, token, password="wrong")
    response = await post(shop, STEP_UP, token, password=PASSWORD)
    assert codes(response.json()) == ["RATE_LIMITED"]
    assert int(response.headers["retry-after"]) >= 1


async def test_busy_hasher_says_when_to_try_again(shop: Shop, ana: UUID, monkeypatch: pytest.MonkeyPatch):
    async def busy(self: PasswordHasher, hash: str | None, password: str) -> None:
        raise Busy(1.5)

    token = await token_of(shop, ana)
    monkeypatch.setattr(PasswordHasher, "verify", busy)
    for response in (await sign_in(shop, email_of(ana)), await post(shop, STEP_UP, token, password=PASSWORD)):
        assert codes(response.json()) == ["RATE_LIMITED"]
        assert response.headers["retry-after"] == "2"


# ---- without Redis, and on several workers


async def test_sessions_live_and_end_as_ever_while_redis_is_stopped_flushed_and_started(
    settings: Settings, committed_database: Database, running: Services, redis: Redis, password_hash: str
):
    async with (
        redis_line(running.redis_url) as line,
        open_shop(settings, committed_database, line.url) as shop,
    ):
        ana = await shop.database.transact(lambda transaction: account_with(transaction, password_hash))
        kept, ended_before = await token_of(shop, ana), await token_of(shop, ana)
        await asked(shop, SIGN_OUT, ended_before)

        await line.cut()
        assert await kind_of(shop, kept) == "CUSTOMER"
        assert await kind_of(shop, ended_before) == "ANONYMOUS"
        ended_without = await token_of(shop, ana)
        await asked(shop, SIGN_OUT, ended_without)

        await redis.flushdb()
        await line.mend()
        assert await kind_of(shop, kept) == "CUSTOMER"
        assert [await kind_of(shop, token) for token in (ended_before, ended_without)] == ["ANONYMOUS"] * 2


async def test_revocation_holds_in_every_server_process_from_the_next_request_on(
    settings: Settings, committed_database: Database, running: Services, redis: Redis, password_hash: str
):
    ana = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
    services = Services(committed_database.url, running.redis_url)
    with server_process(settings, services) as here, server_process(settings, services) as there:
        async with httpx.AsyncClient(base_url=here) as one, httpx.AsyncClient(base_url=there) as other:
            first, second = Shop(one, committed_database), Shop(other, committed_database)
            for _ in range(5):
                token = await token_of(first, ana)
                for query in (WHO, "{ me { id } }"):
                    assert await asked(second, query, token) not in (None, {"kind": "ANONYMOUS"})
                assert (await asked(first, SIGN_OUT, token))["signedOut"] is True
                assert await asked(second, "{ me { id } }", token) is None
                assert await kind_of(second, token) == "ANONYMOUS"
