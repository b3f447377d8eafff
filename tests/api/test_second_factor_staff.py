"""Staff and their second factor through HTTP: without one nothing of customers is read or done (P52)."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.embedded import Services
from app.settings import Settings
from auth import totp
from auth.passwords import PasswordHasher
from models.database import Database
from tests.support.login_session import PASSWORD
from tests.support.second_factor import Clock
from tests.support.second_factor_calls import (
    OWN,
    REMOVE,
    STEP_UP,
    TOTP_CONFIRM,
    TOTP_ENROLL,
    entered,
    sign_in,
    with_app,
)
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import asked, signed_up
from tests.support.staff import Employee, at_work, employed

PURPOSE = {"x-purpose": "LEGAL_SAFETY", "x-case": "ticket 7"}
DISABLE = """mutation ($id: ID!) { customerDisable(input: {id: $id, reason: "asked for by phone"}) {
  customer { id } userErrors { code } } }"""


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
async def password_hash() -> str:
    hasher = PasswordHasher()
    try:
        return await hasher.hash(PASSWORD)
    finally:
        hasher.close()


@pytest.fixture
async def clerk(shop: Shop, password_hash: str) -> Employee:
    return await employed(shop.database, "owner", password_hash=password_hash, waived=False)


@pytest.fixture
async def customer(shop: Shop) -> str:
    return f"cus_{(await signed_up(shop.database)).hex}"


async def reason(shop: Shop, token: str, query: str, **variables: str) -> str | None:
    """Why the operation is refused to the member of staff; None where it is not."""
    headers = {"authorization": f"Bearer {token}"} | PURPOSE
    body = {"query": query, "variables": variables}
    answer = (await shop.client.post("/graphql", json=body, headers=headers)).json()
    errors = answer.get("errors", [])
    assert len(errors) <= 1, errors
    return errors[0]["extensions"]["reason"] if errors else None


def reading(customer: str, together_with: str = "") -> str:
    return f'{{ customer(id: "{customer}") {{ id email }} {together_with} }}'


@pytest.mark.parametrize("together_with", ["", "viewer { kind }"], ids=["compiled", "reference"])
async def test_without_a_second_factor_nothing_of_customers_is_read_until_it_is_confirmed(
    shop: Shop, clerk: Employee, customer: str, clock: Clock, together_with: str
):
    token = (await sign_in(shop, clerk.email))["session"]["token"]
    query = reading(customer, together_with)
    assert await reason(shop, token, query) == "SECOND_FACTOR_REQUIRED"
    begun = await asked(shop, TOTP_ENROLL, token)
    assert await reason(shop, token, query) == "SECOND_FACTOR_REQUIRED"
    code = totp.code_of(begun["secret"], clock.step)
    confirmed = await asked(shop, TOTP_CONFIRM, token, code=code)
    assert confirmed["secondFactor"]["method"] == "TOTP"
    assert len(confirmed["recoveryCodes"]) == 10
    assert await reason(shop, token, query) is None


async def test_without_a_second_factor_nothing_is_done_by_permission(
    shop: Shop, clerk: Employee, customer: str, clock: Clock
):
    token = (await at_work(shop.database, clerk)).token
    assert await reason(shop, token, DISABLE, id=customer) == "SECOND_FACTOR_REQUIRED"
    await with_app(shop, token)
    assert await reason(shop, token, DISABLE, id=customer) is None


async def test_session_elsewhere_needs_the_second_factor_too(shop: Shop, clerk: Employee, customer: str, clock: Clock):
    here, elsewhere = [(await at_work(shop.database, clerk)).token for _ in range(2)]
    app = await with_app(shop, here)
    assert await reason(shop, here, reading(customer)) is None
    assert await reason(shop, elsewhere, reading(customer)) == "SECOND_FACTOR_REQUIRED"
    assert (await asked(shop, STEP_UP, elsewhere, given=app.given()))["userErrors"] == []
    assert await reason(shop, elsewhere, reading(customer)) is None
    assert await reason(shop, here, reading(customer)) is None


async def test_staff_sign_in_with_it(shop: Shop, clerk: Employee, customer: str, clock: Clock):
    app = await with_app(shop, (await at_work(shop.database, clerk)).token)
    token = await entered(shop, clerk.email, app.given())
    assert await reason(shop, token, reading(customer)) is None
    assert (await asked(shop, OWN, token))["kind"] == "STAFF"


async def test_staff_see_their_own_second_factors_without_a_purpose_and_keep_one(
    shop: Shop, clerk: Employee, clock: Clock
):
    token = (await at_work(shop.database, clerk)).token
    app = await with_app(shop, token, "Phone")
    (own,) = (await asked(shop, OWN, token))["secondFactors"]
    assert (own["id"], own["label"]) == (app.id, "Phone")
    refused = await asked(shop, REMOVE, token, id=app.id)
    assert refused == {"removedId": None, "userErrors": [{"code": "SECOND_FACTOR_REQUIRED", "field": ["id"]}]}


async def test_waived_member_needs_one_once_it_is_enrolled(shop: Shop, customer: str, password_hash: str, clock: Clock):
    of_the_demo = await employed(shop.database, "owner", password_hash=password_hash, waived=True)
    here, elsewhere = [(await at_work(shop.database, of_the_demo)).token for _ in range(2)]
    assert await reason(shop, here, reading(customer)) is None
    app = await with_app(shop, here)
    assert await reason(shop, here, reading(customer)) is None
    assert await reason(shop, elsewhere, reading(customer)) == "SECOND_FACTOR_REQUIRED"
    waiting = await sign_in(shop, of_the_demo.email)
    assert (waiting["session"], waiting["challenge"]["methods"]) == (None, ["TOTP", "RECOVERY_CODE"])
    assert (await asked(shop, REMOVE, here, id=app.id))["removedId"] == app.id
    assert await reason(shop, elsewhere, reading(customer)) is None
