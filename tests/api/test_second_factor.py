"""Second factors through HTTP: added, listed, removed, and stepped up with (P29; ASVS 6.5)."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.embedded import Services
from app.settings import Settings
from auth import sessions, totp
from models.database import Database
from tests.support.authenticator import Browser
from tests.support.login_session import PASSWORD, PHONE, email_of
from tests.support.second_factor import Clock
from tests.support.second_factor_calls import (
    ORIGIN,
    OWN,
    PASSKEY_CHALLENGE,
    PASSKEY_CONFIRM,
    PASSKEY_ENROLL,
    REMOVE,
    RENEW,
    STEP_UP,
    TOTP_CONFIRM,
    TOTP_ENROLL,
    entered,
    with_app,
    with_passkey,
)
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import VIEWER, asked, codes, post, signed_up, token_of


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
    """A session that has just begun."""
    return await shop.session(ana)


@pytest.fixture
async def tired(shop: Shop, ana: UUID) -> str:
    """A session that has not stepped up."""
    issued = await shop.database.transact(lambda t: sessions.issue(t, ana, PHONE, public_computer=True))
    return issued.token


@pytest.fixture
def browser() -> Browser:
    return Browser(ORIGIN)


async def own(shop: Shop, token: str | None) -> list[dict[str, str | None]]:
    return (await asked(shop, OWN, token))["secondFactors"]


# ---- adding


async def test_authenticator_app_is_added(shop: Shop, ana: UUID, token: str, clock: Clock):
    begun = await asked(shop, TOTP_ENROLL, token)
    uri = urlsplit(begun["otpauthUri"])
    assert parse_qs(uri.query) == {"secret": [begun["secret"]], "issuer": ["Layette"]}
    assert email_of(ana).replace("@", "%40") in uri.path
    assert await own(shop, token) == []
    wrong = await asked(shop, TOTP_CONFIRM, token, code="12345")
    assert wrong["userErrors"] == [{"code": "SECOND_FACTOR_INVALID", "field": ["code"]}]
    code = totp.code_of(begun["secret"], clock.step)
    confirmed = await asked(shop, TOTP_CONFIRM, token, code=code, label="Phone")
    factor = confirmed["secondFactor"]
    assert (factor["method"], factor["label"], confirmed["userErrors"]) == ("TOTP", "Phone", [])
    assert datetime.fromisoformat(factor["createdAt"]) <= datetime.fromisoformat(factor["lastUsedAt"])
    assert len(set(confirmed["recoveryCodes"])) == 10
    assert await own(shop, token) == [factor]


async def test_passkey_is_added(shop: Shop, token: str, browser: Browser):
    confirmed = await with_passkey(shop, token, browser, "Laptop")
    factor = confirmed["secondFactor"]
    assert (factor["method"], factor["label"], factor["lastUsedAt"]) == ("PASSKEY", "Laptop", None)
    assert len(confirmed["recoveryCodes"]) == 10
    assert await own(shop, token) == [factor]
    second = await with_passkey(shop, token, Browser(ORIGIN))
    assert second["recoveryCodes"] is None
    assert await own(shop, token) == [factor, second["secondFactor"]]


async def test_passkey_of_a_page_elsewhere_is_not(shop: Shop, token: str):
    begun = await asked(shop, PASSKEY_ENROLL, token)
    made = Browser("https://layette.evil.test").create(begun["options"])
    refused = await asked(shop, PASSKEY_CONFIRM, token, credential=made)
    assert refused["userErrors"] == [{"code": "SECOND_FACTOR_INVALID", "field": ["credential"]}]
    assert (refused["secondFactor"], refused["recoveryCodes"]) == (None, None)
    assert await own(shop, token) == []


async def test_secrets_are_in_one_answer_only(shop: Shop, token: str, clock: Clock):
    app = await with_app(shop, token)
    again = await asked(shop, TOTP_ENROLL, token)
    assert again["secret"] != app.seed
    other = await asked(shop, TOTP_CONFIRM, token, code=totp.code_of(again["secret"], clock.step))
    assert other["recoveryCodes"] is None
    activity = "accountActivity(first: 50) { edges { node { kind deviceName } } }"
    everything = await shop.ask(f"{{ viewer {{ secondFactors {{ id label }} }} me {{ {activity} }} }}", token)
    assert app.seed not in str(everything)
    assert not any(code in str(everything) for code in app.codes)


async def test_each_who_is_signed_in_sees_their_own_and_nobody_else_any(
    shop: Shop, ana: UUID, token: str, clock: Clock
):
    await with_app(shop, token)
    bo = await shop.session(await signed_up(shop.database))
    assert await own(shop, bo) == []
    assert await own(shop, None) == []
    theirs = await with_app(shop, bo)
    assert [one["id"] for one in await own(shop, bo)] == [theirs.id]


MUTATIONS = {
    "totpEnroll": TOTP_ENROLL,
    "totpConfirm": TOTP_CONFIRM.replace("$code: String!", '$code: String! = "1"'),
    "passkeyEnroll": PASSKEY_ENROLL,
    "passkeyConfirm": PASSKEY_CONFIRM.replace("$credential: String!", '$credential: String! = "{}"'),
    "passkeyChallenge": PASSKEY_CHALLENGE,
    "secondFactorRemove": REMOVE.replace("$id: ID!", '$id: ID! = "x"'),
    "recoveryCodesRenew": RENEW,
    "stepUp": STEP_UP,
}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_who_is_not_signed_in_has_none_of_it(shop: Shop, name: str):
    answer = await shop.ask(MUTATIONS[name])
    assert codes(answer) == ["UNAUTHENTICATED"]
    assert answer["data"] is None


# ---- what asks for a step-up


async def test_step_up_comes_first(shop: Shop, tired: str, token: str, clock: Clock):
    app = await with_app(shop, token)
    for mutation, variables in ((TOTP_ENROLL, {}), (PASSKEY_ENROLL, {}), (RENEW, {}), (REMOVE, {"id": app.id})):
        payload = await asked(shop, mutation, tired, **variables)
        assert payload.pop("userErrors") == [{"code": "STEP_UP_REQUIRED", "field": None}], mutation
        assert set(payload.values()) == {None}
    assert [one["id"] for one in await own(shop, tired)] == [app.id]


async def test_password_is_not_enough_where_there_is_a_second_factor(
    shop: Shop, tired: str, token: str, clock: Clock, browser: Browser
):
    app = await with_app(shop, token)
    required = [{"code": "SECOND_FACTOR_REQUIRED", "field": ["secondFactor"]}]
    for password in (PASSWORD, "wrong", None):
        assert (await asked(shop, STEP_UP, tired, password=password))["userErrors"] == required
    assert (await asked(shop, VIEWER, tired))["stepUpUntil"] is None
    stepped_up = await asked(shop, STEP_UP, tired, given=app.given())
    assert stepped_up["userErrors"] == []
    assert datetime.fromisoformat(stepped_up["validUntil"]) > datetime.now(UTC)
    assert (await asked(shop, VIEWER, tired))["stepUpUntil"] == stepped_up["validUntil"]
    await with_passkey(shop, tired, browser)
    assert (await asked(shop, STEP_UP, tired, given=app.given(1)))["userErrors"] == required


async def test_passkey_steps_up(shop: Shop, tired: str, token: str, browser: Browser):
    await with_passkey(shop, token, browser)
    options = (await asked(shop, PASSKEY_CHALLENGE, tired))["options"]
    given = {"passkey": browser.get(options)}
    assert (await asked(shop, STEP_UP, tired, given=given))["userErrors"] == []
    again = await asked(shop, STEP_UP, tired, given=given)
    assert again["userErrors"] == [{"code": "SECOND_FACTOR_INVALID", "field": ["secondFactor"]}]


async def test_who_has_no_passkey_is_told(shop: Shop, token: str, clock: Clock):
    await with_app(shop, token)
    refused = await asked(shop, PASSKEY_CHALLENGE, token)
    assert refused == {"options": None, "userErrors": [{"code": "NOT_FOUND", "field": None}]}


async def test_what_follows_in_the_same_request_sees_the_step_up(shop: Shop, tired: str, token: str, clock: Clock):
    app = await with_app(shop, token)
    both = STEP_UP.replace(
        "userErrors { code field } } }", "userErrors { code field } } recoveryCodesRenew { recoveryCodes } }"
    )
    answer = await shop.ask(both, tired, given=app.given())
    assert len(answer["data"]["recoveryCodesRenew"]["recoveryCodes"]) == 10


async def test_guessing_to_step_up_is_throttled_by_account(shop: Shop, ana: UUID, tired: str, token: str, clock: Clock):
    app = await with_app(shop, token)
    for session in (tired, token) * 5:
        wrong = await asked(shop, STEP_UP, session, given={"totpCode": "00000"})
        assert wrong["userErrors"] == [{"code": "SECOND_FACTOR_INVALID", "field": ["secondFactor"]}]
    response = await post(shop, STEP_UP, tired, given=app.given())
    assert codes(response.json()) == ["RATE_LIMITED"]
    assert int(response.headers["retry-after"]) >= 1


# ---- removing


async def test_second_factor_is_removed_and_signing_in_takes_the_password_alone(
    shop: Shop, ana: UUID, token: str, clock: Clock
):
    app = await with_app(shop, token)
    assert await asked(shop, REMOVE, token, id=app.id) == {"removedId": app.id, "userErrors": []}
    assert await own(shop, token) == []
    assert await token_of(shop, ana)


async def test_second_factors_of_others_are_not_found(shop: Shop, token: str, tired: str, clock: Clock):
    bo = await shop.session(await signed_up(shop.database))
    theirs = await with_app(shop, bo)
    not_found = {"removedId": None, "userErrors": [{"code": "NOT_FOUND", "field": ["id"]}]}
    for session in (token, tired):
        for given in (theirs.id, theirs.id.replace("fac_", "ses_"), "fac_" + "0" * 32, "", "nonsense"):
            assert await asked(shop, REMOVE, session, id=given) == not_found
    assert [one["id"] for one in await own(shop, bo)] == [theirs.id]


async def test_renewed_recovery_codes_end_the_old_ones(shop: Shop, ana: UUID, token: str, clock: Clock):
    app = await with_app(shop, token)
    renewed = (await asked(shop, RENEW, token))["recoveryCodes"]
    assert not set(renewed) & set(app.codes)
    assert await entered(shop, ana, {"recoveryCode": renewed[0]})
    with pytest.raises(AssertionError, match="SECOND_FACTOR_INVALID"):
        await entered(shop, ana, {"recoveryCode": app.codes[0]})


async def test_recovery_codes_stand_for_a_second_factor(shop: Shop, token: str):
    refused = await asked(shop, RENEW, token)
    assert refused == {"recoveryCodes": None, "userErrors": [{"code": "SECOND_FACTOR_REQUIRED", "field": None}]}
