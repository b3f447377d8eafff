"""Signing in with a second factor through HTTP (ASVS 6.3.3, 6.4.3, 6.6.2, 6.6.3)."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.embedded import Services
from app.settings import Settings
from auth import totp
from models.database import Database
from tests.support.account import Post
from tests.support.authenticator import Browser
from tests.support.login_session import email_of
from tests.support.second_factor import Clock
from tests.support.second_factor_calls import (
    ORIGIN,
    App,
    complete,
    entered,
    sign_in,
    with_app,
    with_passkey,
)
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import HANDED_OVER, asked, codes, kind_of, own_sessions, signed_up

INVALID = [{"code": "SECOND_FACTOR_INVALID", "field": ["secondFactor"]}]
GONE = [{"code": "TOKEN_INVALID", "field": ["challenge"]}]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(60_000_000)
    monkeypatch.setattr(totp, "current_step", clock)
    return clock


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def ana(shop: Shop) -> UUID:
    return await signed_up(shop.database)


@pytest.fixture
async def token(shop: Shop, ana: UUID) -> str:
    return await shop.session(ana)


@pytest.fixture
async def app(shop: Shop, token: str, clock: Clock) -> App:
    return await with_app(shop, token)


async def errors_of(shop: Shop, challenge: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    payload = (await complete(shop, challenge, given)).json()["data"]["signInComplete"]
    assert (payload["session"] is None) == bool(payload["userErrors"])
    return payload["userErrors"]


async def challenge_of(shop: Shop, whose: UUID) -> str:
    return (await sign_in(shop, whose))["challenge"]["token"]


# ---- what the password opens


async def test_password_brings_a_challenge_and_no_session(shop: Shop, ana: UUID, app: App):
    payload = await sign_in(shop, ana)
    challenge = payload.pop("challenge")
    assert payload == {"session": None, "customer": None, "userErrors": []}
    assert challenge["token"].startswith("lyc_")
    assert (challenge["methods"], challenge["passkeyOptions"]) == (["TOTP", "RECOVERY_CODE"], None)
    left = datetime.fromisoformat(challenge["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    assert await kind_of(shop, challenge["token"]) == "ANONYMOUS"


async def test_second_factor_opens_the_session(shop: Shop, ana: UUID, app: App):
    challenge = await challenge_of(shop, ana)
    payload = (await complete(shop, challenge, app.given())).json()["data"]["signInComplete"]
    assert (payload["challenge"], payload["userErrors"]) == (None, [])
    assert payload["customer"] == {"id": f"cus_{ana.hex}", "email": email_of(ana)}
    assert await kind_of(shop, payload["session"]["token"]) == "CUSTOMER"


async def test_passkey_opens_the_session(shop: Shop, ana: UUID, token: str):
    browser = Browser(ORIGIN)
    await with_passkey(shop, token, browser)
    challenge = (await sign_in(shop, ana))["challenge"]
    assert challenge["methods"] == ["PASSKEY", "RECOVERY_CODE"]
    given = {"passkey": browser.get(challenge["passkeyOptions"])}
    assert await errors_of(shop, challenge["token"], given) == []
    assert await errors_of(shop, await challenge_of(shop, ana), given) == INVALID


async def test_recovery_code_opens_one_session(shop: Shop, ana: UUID, app: App):
    assert await entered(shop, ana, {"recoveryCode": app.codes[3].upper().replace("-", " ")})
    assert await errors_of(shop, await challenge_of(shop, ana), {"recoveryCode": app.codes[3]}) == INVALID


async def test_device_and_transport_are_as_sign_in_was_told(shop: Shop, ana: UUID, app: App):
    waiting = await sign_in(shop, ana, transport="COOKIE", publicComputer=True, deviceName="Library")
    response = await complete(shop, waiting["challenge"]["token"], app.given())
    payload = response.json()["data"]["signInComplete"]
    assert payload["session"]["token"] is None
    handed_over = HANDED_OVER.fullmatch(response.headers["set-cookie"])
    assert handed_over is not None
    assert handed_over[2] is None  # forgotten when the browser closes
    (session,) = [one for one in await own_sessions(shop, handed_over[1]) if one["current"]]
    assert (session["deviceName"], session["publicComputer"]) == ("Library", True)


async def test_challenge_sets_no_cookie(shop: Shop, ana: UUID, app: App):
    shop.client.cookies.clear()
    await sign_in(shop, ana, transport="COOKIE")
    assert not shop.client.cookies


async def test_session_that_the_request_brings_ends(shop: Shop, ana: UUID, token: str, app: App):
    challenge = await challenge_of(shop, ana)
    assert await kind_of(shop, token) == "CUSTOMER"
    await complete(shop, challenge, {"totpCode": "00000"}, token)
    assert await kind_of(shop, token) == "CUSTOMER"
    await complete(shop, challenge, app.given(), token)
    assert await kind_of(shop, token) == "ANONYMOUS"


# ---- what opens nothing


async def test_code_is_good_once(shop: Shop, ana: UUID, app: App, clock: Clock):
    first, second = await challenge_of(shop, ana), await challenge_of(shop, ana)
    given = app.given()
    assert await errors_of(shop, first, given) == []
    assert await errors_of(shop, second, given) == INVALID
    clock.step += 1
    assert await errors_of(shop, second, given) == INVALID
    assert await errors_of(shop, second, app.given()) == []


async def test_five_wrong_answers_end_the_sign_in(shop: Shop, ana: UUID, app: App):
    challenge = await challenge_of(shop, ana)
    for _ in range(5):
        assert await errors_of(shop, challenge, {"totpCode": "00000"}) == INVALID
    assert await errors_of(shop, challenge, app.given()) == GONE


@pytest.mark.parametrize(
    "given",
    [{}, {"totpCode": None}, {"totpCode": "00000", "recoveryCode": "x"}, {"passkey": "{}", "totpCode": "1"}],
    ids=str,
)
async def test_exactly_one_of_three_is_given(shop: Shop, ana: UUID, app: App, given: dict[str, Any]):
    challenge = await challenge_of(shop, ana)
    assert await errors_of(shop, challenge, given) == [{"code": "INVALID", "field": ["secondFactor"]}]
    assert await errors_of(shop, challenge, app.given() | {"passkey": None}) == []


@pytest.mark.parametrize("challenge", ["", "lyc_", "nonsense", "lyc_" + "0" * 39, "x" * 5000])
async def test_challenge_that_is_none_is_invalid(shop: Shop, challenge: str):
    assert await errors_of(shop, challenge, {"totpCode": "123456"}) == GONE


async def test_token_of_a_session_is_no_challenge_and_the_other_way_round(shop: Shop, ana: UUID, token: str, app: App):
    assert await errors_of(shop, token, app.given()) == GONE
    challenge = await challenge_of(shop, ana)
    answer = await shop.ask("mutation { sessionsRevokeOthers { revokedCount } }", challenge)
    assert codes(answer) == ["UNAUTHENTICATED"]


async def test_reset_password_does_not_go_round_the_second_factor(shop: Shop, ana: UUID, app: App):
    before = await challenge_of(shop, ana)
    request = "mutation ($email: String!) { passwordResetRequest(input: {email: $email}) { accepted } }"
    post = Post(shop.database)
    await post.deliver()
    await asked(shop, request, email=email_of(ana))
    mailed = await post.token_for(email_of(ana))
    reset = """mutation ($mailed: String!, $password: String!) {
      passwordReset(input: {token: $mailed, newPassword: $password}) { userErrors { code } } }"""
    new = "eight spotted socks in a box"
    assert await asked(shop, reset, mailed=mailed, password=new) == {"userErrors": []}
    assert await errors_of(shop, before, app.given()) == GONE
    payload = await sign_in(shop, ana, new)
    assert payload["session"] is None
    assert await errors_of(shop, payload["challenge"]["token"], app.given()) == []


async def test_end_of_the_other_sessions_ends_sign_ins_that_wait(shop: Shop, ana: UUID, token: str, app: App):
    challenge = await challenge_of(shop, ana)
    await asked(shop, "mutation { sessionsRevokeOthers { revokedCount } }", token)
    assert await errors_of(shop, challenge, app.given()) == GONE


# ---- throttling


async def test_guessing_is_throttled_over_all_sign_ins_of_the_account(shop: Shop, ana: UUID, app: App):
    challenges = [await challenge_of(shop, ana) for _ in range(4)]
    for at in range(10):
        assert await errors_of(shop, challenges[at % 3], {"totpCode": "00000"}) == INVALID
    response = await complete(shop, challenges[3], app.given())
    assert codes(response.json()) == ["RATE_LIMITED"]
    assert 1 <= int(response.headers["retry-after"]) <= 15 * 60
    assert response.json()["data"] is None


async def test_guesses_at_one_account_are_not_counted_to_another(shop: Shop, ana: UUID, app: App):
    bo = await signed_up(shop.database)
    theirs = await with_app(shop, await shop.session(bo))
    challenges = [await challenge_of(shop, ana) for _ in range(3)]
    for at in range(10):
        await complete(shop, challenges[at % 3], {"totpCode": "00000"})
    assert await errors_of(shop, await challenge_of(shop, bo), theirs.given()) == []


async def test_codes_of_apps_are_guessed_at_thirty_times_a_day_and_passkeys_open_all_the_same(
    settings: Settings, committed_database: Database, running: Services, redis: Redis, clock: Clock
):
    browser = Browser(ORIGIN)
    async with open_shop(settings, committed_database, running.redis_url) as shop:
        ana = await signed_up(shop.database)
        token = await shop.session(ana)
        app = await with_app(shop, token)
        await with_passkey(shop, token, browser)
        for _ in range(3):
            challenges = [await challenge_of(shop, ana) for _ in range(2)]
            for at in range(10):
                assert await errors_of(shop, challenges[at % 2], {"totpCode": "00000"}) == INVALID
            await _quarter_of_an_hour_later(redis)
        challenge = (await sign_in(shop, ana))["challenge"]
        response = await complete(shop, challenge["token"], app.given())
        assert codes(response.json()) == ["RATE_LIMITED"]
        assert int(response.headers["retry-after"]) > 15 * 60
        given = {"passkey": browser.get(challenge["passkeyOptions"])}
        assert await errors_of(shop, challenge["token"], given) == []
        assert await errors_of(shop, await challenge_of(shop, ana), app.given()) == []


async def _quarter_of_an_hour_later(redis: Redis) -> None:
    """Ends the counters that live for a quarter of an hour."""
    for key in await redis.keys("throttle*"):
        if await redis.ttl(key) <= 15 * 60:
            await redis.delete(key)


async def test_right_password_alone_gives_no_attempts_back(shop: Shop, ana: UUID, app: App):
    for _ in range(10):
        await challenge_of(shop, ana)
    answer = await shop.ask(
        "mutation ($input: SignInInput!) { signIn(input: $input) { challenge { token } } }",
        input={"identifier": email_of(ana), "password": "wrong"},
    )
    assert codes(answer) == ["RATE_LIMITED"]


async def test_second_factor_gives_the_account_its_attempts_back(shop: Shop, ana: UUID, app: App):
    for code in app.codes[:3]:
        challenges = [await challenge_of(shop, ana) for _ in range(8)]
        for challenge in challenges[:2]:
            for _ in range(4):
                assert await errors_of(shop, challenge, {"totpCode": "00000"}) == INVALID
        assert await errors_of(shop, challenges[-1], {"recoveryCode": code}) == []
