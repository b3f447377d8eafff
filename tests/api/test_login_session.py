"""One's sessions through HTTP: what they are, how they end, and that they do everywhere (P29, P55; ASVS 7)."""

from collections.abc import AsyncGenerator
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
from auth.tokens import digest
from models.account import Account
from models.database import Database
from models.login_session import LoginSession
from tests.support.login_session import PASSWORD, ago, change, email_of
from tests.support.redis_line import redis_line
from tests.support.server_process import server_process
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import (
    HANDED_OVER,
    REVOKE,
    REVOKE_OTHERS,
    SIGN_OUT,
    STEP_UP,
    TAKEN_BACK,
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
async def test_own_live_sessions_are_listed_newest_first(shop: Shop, ana: UUID, together_with: str):
    bo = await signed_up(shop.database)
    await token_of(shop, bo)
    tokens = [await token_of(shop, ana, deviceName=name) for name in ("one", "two", "three", "four")]
    await shop.database.transact(lambda transaction: sessions.revoke_token(transaction, digest(tokens[2])))
    answer = await shop.ask(f"{{ me {{ sessions {{ deviceName current }} }} {together_with} }}", tokens[1])
    assert answer["data"]["me"]["sessions"] == [
        {"deviceName": "four", "current": False},
        {"deviceName": "two", "current": True},
        {"deviceName": "one", "current": False},
    ]


# ---- sessions that ended


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


async def test_session_that_begins_as_another_ends_is_not_cleared_away(shop: Shop, ana: UUID):
    token = await token_of(shop, ana)
    query = "mutation ($input: SignInInput!) { signOut { signedOut } signIn(input: $input) { userErrors { code } } }"
    typed = {"identifier": email_of(ana), "password": PASSWORD, "transport": "COOKIE"}
    response = await post(shop, query, token, input=typed)
    assert response.headers["clear-site-data"] == '"cache", "storage"'
    assert await kind_of(shop, None) == "CUSTOMER"


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


async def test_sessions_of_others_are_not_found(shop: Shop, ana: UUID):
    bo = await signed_up(shop.database)
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


# ---- without Redis, and on several workers


async def test_sessions_live_and_end_as_ever_while_redis_is_stopped_flushed_and_started(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
):
    async with (
        redis_line(running.redis_url) as line,
        open_shop(settings, committed_database, line.url) as shop,
    ):
        ana = await signed_up(shop.database)
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
    settings: Settings, committed_database: Database, running: Services, redis: Redis
):
    ana = await signed_up(committed_database)
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
