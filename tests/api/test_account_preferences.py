"""Preferences through HTTP, as their owner says and changes them (P7, P27, P51)."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.embedded import Services
from app.settings import Settings
from models.catalogue import Brand
from models.database import Database
from models.ids import new_id, show_id
from models.preference import CommunicationPreference, Preference
from tests.support.account import customer
from tests.support.shop import Shop, open_shop

PREFERENCES = """mutation ($input: PreferencesUpdateInput!) { preferencesUpdate(input: $input) {
  preferences { version sizes { garment size } brands { id slug } interests personalization }
  userErrors { code field } } }"""
COMMUNICATION = """mutation ($input: CommunicationPreferencesUpdateInput!) {
  communicationPreferencesUpdate(input: $input) {
  communicationPreferences { version email sms phone post } userErrors { code field } } }"""


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


async def brands(shop: Shop, *slugs: str) -> list[str]:
    """The public ids of new brands."""
    keys = [new_id() for _ in slugs]
    made = [{"id": key, "slug": slug, "name": slug.title()} for key, slug in zip(keys, slugs, strict=True)]
    await shop.database.transact(lambda transaction: transaction.execute(insert(Brand), made))
    return [show_id("brd", key) for key in keys]


# ---- preferences


async def test_p7_owner_says_what_they_like(shop: Shop, token: str):
    oats, plum = await brands(shop, "oats", "plum")
    given = {
        "sizes": [{"garment": "Shoes", "size": "38"}, {"garment": " Dress ", "size": "M"}],
        "brandIds": [plum, oats, plum],
        "interests": ["knitwear", "Linen", "linen "],
        "personalization": False,
    }
    payload = await call(shop, PREFERENCES, token, **given)
    assert payload["userErrors"] == []
    assert payload["preferences"] == {
        "version": 2,
        "sizes": [{"garment": "Dress", "size": "M"}, {"garment": "Shoes", "size": "38"}],
        "brands": [{"id": oats, "slug": "oats"}, {"id": plum, "slug": "plum"}],
        "interests": ["knitwear", "Linen"],
        "personalization": False,
    }
    read = await shop.ask("{ me { preferences { version brands { slug } interests } } }", token)
    assert read["data"]["me"]["preferences"]["brands"] == [{"slug": "oats"}, {"slug": "plum"}]


async def test_preferences_left_out_stay_and_null_empties(shop: Shop, token: str):
    [oats] = await brands(shop, "oats")
    await call(shop, PREFERENCES, token, brandIds=[oats], interests=["linen"], sizes=[{"garment": "a", "size": "b"}])
    payload = await call(shop, PREFERENCES, token, brandIds=None, expectedVersion=2)
    assert payload["preferences"] == {
        "version": 3,
        "sizes": [{"garment": "a", "size": "b"}],
        "brands": [],
        "interests": ["linen"],
        "personalization": True,
    }


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"expectedVersion": 9}, ("VERSION_CONFLICT", "expectedVersion")),
        ({"personalization": None}, ("REQUIRED", "personalization")),
        ({"interests": ["x"] * 51}, ("LIMIT_REACHED", "interests")),
        ({"interests": ["knitwear", " "]}, ("REQUIRED", "interests", "1")),
        ({"interests": ["x" * 61]}, ("TOO_LONG", "interests", "0")),
        ({"interests": ["4111111111111111"]}, ("CARD_NUMBER_REFUSED", "interests", "0")),
        (
            {"sizes": [{"garment": "a", "size": "b"}, {"garment": "A", "size": "c"}]},
            ("INVALID", "sizes", "1", "garment"),
        ),
        ({"sizes": [{"garment": "", "size": "b"}]}, ("REQUIRED", "sizes", "0", "garment")),
        ({"brandIds": [show_id("brd", new_id())]}, ("NOT_FOUND", "brandIds", "0")),
        ({"brandIds": [show_id("prd", new_id())]}, ("NOT_FOUND", "brandIds", "0")),
        ({"brandIds": ["brd_" + "0" * 32] * 51}, ("LIMIT_REACHED", "brandIds")),
    ],
)
async def test_refused_preferences_leave_everything_as_it_is(
    shop: Shop, token: str, given: dict[str, Any], code: tuple[str, ...]
):
    kept = {"interests": ["linen"], "sizes": [{"garment": "Dress", "size": "M"}], "personalization": False}
    before = (await call(shop, PREFERENCES, token, **kept))["preferences"]
    payload = await call(shop, PREFERENCES, token, **({"interests": ["other"]} | given))
    assert (payload["preferences"], refused(payload)) == (None, [code])
    read = "{ me { preferences { version sizes { garment size } brands { id slug } interests personalization } } }"
    assert (await shop.ask(read, token))["data"]["me"]["preferences"] == before


async def test_account_that_never_had_preferences_gets_them_with_its_first(shop: Shop, ana: UUID, token: str):
    async def forget(transaction: AsyncConnection) -> None:
        for choices in (Preference, CommunicationPreference):
            await transaction.execute(delete(choices).where(choices.account_id == ana))

    await shop.database.transact(forget)
    read = "{ me { preferences { version } communicationPreferences { version } } }"
    assert (await shop.ask(read, token))["data"]["me"] == {"preferences": None, "communicationPreferences": None}
    assert (await call(shop, PREFERENCES, token, interests=["linen"]))["preferences"]["version"] == 2
    assert (await call(shop, COMMUNICATION, token, sms=True))["communicationPreferences"]["version"] == 2


async def test_marketing_is_off_until_chosen_and_each_way_alone(shop: Shop, token: str):
    off = {"email": False, "sms": False, "phone": False, "post": False}
    read = await shop.ask("{ me { communicationPreferences { version email sms phone post } } }", token)
    assert read["data"]["me"]["communicationPreferences"] == {"version": 1, **off}
    chosen = await call(shop, COMMUNICATION, token, email=True, post=True)
    assert chosen["communicationPreferences"] == {"version": 2, **off, "email": True, "post": True}
    fewer = await call(shop, COMMUNICATION, token, email=None, expectedVersion=2)
    assert fewer["communicationPreferences"] == {"version": 3, **off, "post": True}
    late = await call(shop, COMMUNICATION, token, sms=True, expectedVersion=2)
    assert (late["communicationPreferences"], refused(late)) == (None, [("VERSION_CONFLICT", "expectedVersion")])


async def test_preferences_are_ones_own(shop: Shop, ana: UUID, token: str):
    other = await shop.session(await customer(shop.database, "bo@example.com"))
    await call(shop, PREFERENCES, other, interests=["silk"])
    await call(shop, COMMUNICATION, other, sms=True)
    mine = await shop.ask(
        "{ me { preferences { version interests } communicationPreferences { version sms } } }", token
    )
    assert mine["data"]["me"] == {
        "preferences": {"version": 1, "interests": []},
        "communicationPreferences": {"version": 1, "sms": False},
    }
