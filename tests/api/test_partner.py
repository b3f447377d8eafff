"""Partners through HTTP, as staff manage them, and what is whose to read and to change."""

from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from models.database import Database
from models.ids import read_id, show_id
from models.partner import Partner, PartnerKey
from tests.support.login_session import account_with
from tests.support.partner import changed, key_of, partner_and_key, partner_with
from tests.support.shop import Shop
from tests.support.staff import at_work, employed

KEY = "id prefix label scopes createdAt expiresAt lastUsedAt revokedAt"
PARTNER = f"id version name status scopes networks createdAt keys {{ {KEY} }} usage {{ date requests refused }}"
ERRORS = "userErrors { code field message }"
CREATE = f"""mutation ($input: PartnerCreateInput!) {{ partnerCreate(input: $input) {{
  partner {{ {PARTNER} }} {ERRORS} }} }}"""
UPDATE = f"""mutation ($input: PartnerUpdateInput!) {{ partnerUpdate(input: $input) {{
  partner {{ {PARTNER} }} {ERRORS} }} }}"""
ISSUE = f"""mutation ($input: PartnerKeyIssueInput!) {{ partnerKeyIssue(input: $input) {{
  key partnerKey {{ {KEY} }} {ERRORS} }} }}"""
REVOKE = f"""mutation ($input: PartnerKeyRevokeInput!) {{ partnerKeyRevoke(input: $input) {{
  partnerKey {{ {KEY} }} {ERRORS} }} }}"""
PARTNERS = f"""query ($first: Int, $after: String) {{ partners(first: $first, after: $after) {{
  edges {{ cursor node {{ {PARTNER} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Partner {{ {PARTNER} }} }} }}"
ACME = {"name": "Acme", "scopes": ["reviews:read"], "networks": ["203.0.113.0/24"], "idempotencyKey": "k-1"}


async def member(shop: Shop, *roles: str, **facts: bool) -> str:
    """The session of a member of staff with these roles."""
    return (await at_work(shop.database, await employed(shop.database, *roles, **facts))).token


@pytest_asyncio.fixture(loop_scope="session")
async def owner(shop: Shop) -> str:
    """The session of somebody with the role of an owner, who manages partners."""
    return await member(shop, "owner")


async def outcome(shop: Shop, mutation: str, token: str | None, **given: Any) -> dict[str, Any]:
    """The payload; its errors as pairs of code and field."""
    answer = await shop.ask(mutation, token, input=given)
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    payload["userErrors"] = [(error["code"], error["field"]) for error in payload["userErrors"]]
    return payload


async def counts(database: Database) -> tuple[Any, ...]:
    """What must not change: all that is kept of partners and keys."""
    rows = select(
        select(func.count()).select_from(Partner).scalar_subquery(),
        select(func.count()).select_from(PartnerKey).scalar_subquery(),
        select(func.count()).select_from(PartnerKey).where(PartnerKey.revoked_at.is_not(None)).scalar_subquery(),
        select(func.sum(Partner.version)).scalar_subquery(),
    )
    return tuple((await database.transact(lambda t: t.execute(rows))).one())


# ---- what managers do


async def test_created_partner_is_answered_as_it_is_kept(shop: Shop, owner: str):
    payload = await outcome(shop, CREATE, owner, **ACME)
    assert payload["userErrors"] == []
    made = payload["partner"]
    assert made.pop("id").startswith("prt_")
    assert made.pop("createdAt")
    assert made == {
        "version": 1,
        "name": "Acme",
        "status": "ACTIVE",
        "scopes": ["reviews:read"],
        "networks": ["203.0.113.0/24"],
        "keys": [],
        "usage": [],
    }


async def test_repeating_a_creation_with_its_key_gives_the_same_partner(shop: Shop, owner: str):
    first = await outcome(shop, CREATE, owner, **ACME)
    again = await outcome(shop, CREATE, owner, **ACME)
    assert again == first
    other = await outcome(shop, CREATE, owner, **ACME | {"name": "Other"})
    assert other == {"partner": None, "userErrors": [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]}
    taken = await outcome(shop, CREATE, owner, **ACME | {"idempotencyKey": "k-2"})
    assert taken == {"partner": None, "userErrors": [("TAKEN", ["name"])]}
    assert (await counts(shop.database))[0] == 1


async def test_refusals_name_the_fields_of_the_input(shop: Shop, owner: str):
    payload = await outcome(shop, CREATE, owner, **ACME | {"name": " ", "scopes": ["x"], "networks": ["here"]})
    assert payload["partner"] is None
    assert sorted(payload["userErrors"]) == [
        ("INVALID", ["networks"]), ("INVALID", ["scopes"]), ("REQUIRED", ["name"]),
    ]  # fmt: skip
    assert (await outcome(shop, CREATE, owner, **ACME))["userErrors"] == []


async def test_partner_is_changed_at_its_version(shop: Shop, owner: str):
    key = (await outcome(shop, CREATE, owner, **ACME))["partner"]["id"]
    payload = await outcome(shop, UPDATE, owner, id=key, expectedVersion=1, disabled=True, networks=None)
    assert payload["userErrors"] == []
    made = payload["partner"]
    assert (made["version"], made["status"], made["networks"], made["name"]) == (2, "DISABLED", [], "Acme")
    payload = await outcome(shop, UPDATE, owner, id=key, expectedVersion=1, scopes=[])
    assert payload == {"partner": None, "userErrors": [("VERSION_CONFLICT", ["expectedVersion"])]}


async def test_key_is_shown_once(shop: Shop, owner: str):
    key = (await outcome(shop, CREATE, owner, **ACME))["partner"]["id"]
    payload = await outcome(
        shop, ISSUE, owner, partnerId=key, label="machine one", expiresAt="2060-01-02T03:04:05+01:00"
    )
    text, made = payload["key"], payload["partnerKey"]
    assert payload["userErrors"] == []
    assert made["id"].startswith("pky_")
    assert text.startswith(made["prefix"])
    assert len(made["prefix"]) == 10
    assert (made["label"], made["scopes"]) == ("machine one", ["reviews:read"])
    assert (made["expiresAt"], made["lastUsedAt"], made["revokedAt"]) == ("2060-01-02T02:04:05.000000Z", None, None)
    shown = await shop.ask(NODE, owner, id=key)
    assert shown["data"]["node"]["keys"] == [made]
    assert text not in str(shown)


async def test_key_shows_what_it_may_do_now(shop: Shop, owner: str):
    partner_id, _ = await partner_and_key(shop.database)
    key = show_id("prt", partner_id)
    await outcome(shop, UPDATE, owner, id=key, scopes=[])
    assert [one["scopes"] for one in (await shop.ask(NODE, owner, id=key))["data"]["node"]["keys"]] == [[]]
    await outcome(shop, UPDATE, owner, id=key, scopes=["reviews:read"])
    assert [one["scopes"] for one in (await shop.ask(NODE, owner, id=key))["data"]["node"]["keys"]] == [
        ["reviews:read"]
    ]


async def test_key_beyond_its_partner_is_not_granted(shop: Shop, owner: str):
    key = show_id("prt", await shop.database.transact(lambda t: partner_with(t, ())))
    payload = await outcome(shop, ISSUE, owner, partnerId=key, scopes=["reviews:read"])
    assert payload == {"key": None, "partnerKey": None, "userErrors": [("NOT_GRANTABLE", ["scopes"])]}
    payload = await outcome(shop, ISSUE, owner, partnerId=key, expiresAt="2001-01-01T00:00:00Z", scopes=["all"])
    assert payload["userErrors"] == [("INVALID", ["scopes"]), ("INVALID", ["expiresAt"])]


async def test_revoked_key_is_answered_with_its_end(shop: Shop, owner: str):
    _, key = await partner_and_key(shop.database)
    shown = show_id("pky", key.key_id)
    first = await outcome(shop, REVOKE, owner, id=shown)
    assert first["userErrors"] == []
    assert first["partnerKey"]["revokedAt"] is not None
    assert await outcome(shop, REVOKE, owner, id=shown) == first


@pytest.mark.parametrize("key", ["", "prt_", "prt_" + "0" * 32, "pky_" + "0" * 32, "cus_" + "0" * 32, "a b"])
async def test_id_of_nothing_is_not_found(shop: Shop, owner: str, key: str):
    assert (await outcome(shop, UPDATE, owner, id=key, name="x"))["userErrors"] == [("NOT_FOUND", ["id"])]
    assert (await outcome(shop, ISSUE, owner, partnerId=key))["userErrors"] == [("NOT_FOUND", ["partnerId"])]
    assert (await outcome(shop, REVOKE, owner, id=key))["userErrors"] == [("NOT_FOUND", ["id"])]


async def test_id_of_another_kind_is_not_found(shop: Shop, owner: str):
    partner_id, key = await partner_and_key(shop.database)
    before = await counts(shop.database)
    assert (await outcome(shop, REVOKE, owner, id=show_id("pky", partner_id)))["userErrors"] == [("NOT_FOUND", ["id"])]
    assert (await outcome(shop, REVOKE, owner, id=show_id("prt", key.key_id)))["userErrors"] == [("NOT_FOUND", ["id"])]
    assert await counts(shop.database) == before


async def test_partners_are_listed_by_name_page_by_page(shop: Shop, owner: str):
    for name in ("Bolt", "Acme", "Crown"):
        await outcome(shop, CREATE, owner, **ACME | {"name": name, "idempotencyKey": name})
    names, after = [], None
    for more in (True, False):
        page = (await shop.ask(PARTNERS, owner, first=2, after=after))["data"]["partners"]
        names += [edge["node"]["name"] for edge in page["edges"]]
        assert page["pageInfo"]["hasNextPage"] is more
        after = page["pageInfo"]["endCursor"]
    assert names == ["Acme", "Bolt", "Crown"]


# ---- who else tries


async def callers(shop: Shop, partner_id: UUID) -> dict[str, str | None]:
    """Everyone who may neither read partners in general nor manage them: by name, with their credential."""
    customer = await shop.session(await shop.database.transact(lambda t: account_with(t, None)))
    oneself = await shop.database.transact(lambda t: key_of(t, partner_id))
    _, another = await partner_and_key(shop.database)
    return {
        "anonymous": None,
        "customer": customer,
        "support": await member(shop, "support"),
        "without a role": await member(shop),
        "oneself": oneself.text,
        "another partner": another.text,
    }


async def test_nobody_else_reads_partners(shop: Shop):
    partner_id = await shop.database.transact(partner_with)
    for name, token in (await callers(shop, partner_id)).items():
        answer = await shop.ask(PARTNERS, token, first=5)
        assert answer["data"] is None, name
        (error,) = answer["errors"]
        code = "UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN"
        assert error["extensions"]["code"] == code, name


async def test_partner_is_seen_by_staff_who_may_and_by_itself(shop: Shop, owner: str):
    partner_id = await shop.database.transact(partner_with)
    key = show_id("prt", partner_id)
    for name, token in {**await callers(shop, partner_id), "owner": owner}.items():
        node = (await shop.ask(NODE, token, id=key))["data"]["node"]
        assert (node is not None) is (name in {"owner", "oneself"}), name
        assert node is None or (node["id"], len(node["keys"])) == (key, 1)


async def test_nobody_else_changes_partners(shop: Shop):
    partner_id, key = await partner_and_key(shop.database)
    shown = show_id("prt", partner_id)
    tried = await callers(shop, partner_id)
    before = await counts(shop.database)
    for name, token in tried.items():
        for mutation, given in (
            (CREATE, ACME),
            (UPDATE, {"id": shown, "name": "Mine", "disabled": True}),
            (ISSUE, {"partnerId": shown}),
            (REVOKE, {"id": show_id("pky", key.key_id)}),
            (UPDATE, {"id": "prt_" + "0" * 32}),
        ):
            answer = await shop.ask(mutation, token, input=given)
            assert answer["data"] is None, name
            (error,) = answer["errors"]
            code = "UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN"
            assert error["extensions"]["code"] == code, name
    assert await counts(shop.database) == before


@pytest.mark.parametrize(
    ("facts", "reason"),
    [({"acknowledged": False}, "OBLIGATIONS_NOT_ACKNOWLEDGED"), ({"waived": False}, "SECOND_FACTOR_REQUIRED")],
)
async def test_manager_who_lacks_something_changes_nothing(shop: Shop, facts: dict[str, bool], reason: str):
    token = await member(shop, "owner", **facts)
    answer = await shop.ask(CREATE, token, input=ACME)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN", "reason": reason}
    assert (await counts(shop.database))[0] == 0


async def test_usage_reaches_back_as_many_days_as_asked(shop: Shop, owner: str):
    key = show_id("prt", await shop.database.transact(partner_with))
    query = "query ($id: ID!, $days: Int!) { node(id: $id) { ... on Partner { usage(days: $days) { date } } } }"
    assert (await shop.ask(query, owner, id=key, days=366))["data"]["node"] == {"usage": []}
    for days in (0, -1, 367):
        answer = await shop.ask(query, owner, id=key, days=days)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_disabled_partner_is_still_seen_by_staff(shop: Shop, owner: str):
    partner_id, key = await partner_and_key(shop.database)
    await changed(shop.database, partner_id, disabled=True)
    assert (await shop.ask(NODE, owner, id=show_id("prt", partner_id)))["data"]["node"]["status"] == "DISABLED"
    assert (await shop.ask(NODE, key.text, id=show_id("prt", partner_id)))["data"]["node"] is None
    assert read_id("prt", show_id("prt", partner_id)) == partner_id
