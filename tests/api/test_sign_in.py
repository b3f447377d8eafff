"""Signing in through HTTP: tokens, cookies, throttling (P14, P16, P55; ASVS 6.3, 7.2)."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import update

from app.embedded import Services
from app.settings import Settings
from auth.passwords import PasswordHasher
from auth.threads import Busy
from auth.tokens import Kind, new_token
from models.database import Database
from models.login_session import LoginSession
from tests.support.login_session import PASSWORD, email_of
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import (
    HANDED_OVER,
    SIGN_IN,
    STEP_UP,
    VIEWER,
    WHO,
    asked,
    codes,
    kind_of,
    own_sessions,
    post,
    sign_in,
    signed_up,
    token_of,
)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def ana(shop: Shop) -> UUID:
    return await signed_up(shop.database)


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


async def test_signing_in_ends_the_session_that_comes_with_it(shop: Shop, ana: UUID):
    bo = await signed_up(shop.database)
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
    settings: Settings, committed_database: Database, running: Services, redis: Redis
):
    narrow = settings.model_copy(update={"rate_scale": 0.05})
    async with open_shop(narrow, committed_database, running.redis_url) as shop:
        ana = await signed_up(shop.database)
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
