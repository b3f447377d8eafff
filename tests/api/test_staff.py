"""Staff through HTTP: operations as four kinds of caller, and what they answer (P52)."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import func, select, update

from app.embedded import Services
from app.settings import Settings
from auth.passwords import PasswordHasher
from auth.roles import ROLES
from models.database import Database
from models.ids import new_id, show_id
from models.login_session import LoginSession
from models.staff import StaffMember, StaffRole, StaffStatus
from privacy import obligations
from tests.support.account import Post
from tests.support.login_session import PASSWORD
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import asked, codes, kind_of, sign_in, signed_up
from tests.support.staff import Employee, at_work, employed, roles_of, status_of

MEMBER = "id version name email kind status roles { name } hasSecondFactor obligationsVersion"
INVITE = f"""mutation ($input: StaffInviteInput!) {{ staffInvite(input: $input) {{
  staff {{ {MEMBER} }} userErrors {{ code field }} }} }}"""
ACCEPT = """mutation ($input: StaffInviteAcceptInput!) { staffInviteAccept(input: $input) {
  session { token } challenge { token } customer { id } userErrors { code field } } }"""
ROLES_SET = f"""mutation ($input: StaffRolesSetInput!) {{ staffRolesSet(input: $input) {{
  staff {{ {MEMBER} }} userErrors {{ code field }} }} }}"""
DISABLE = """mutation ($input: StaffDisableInput!) { staffDisable(input: $input) {
  staff { id status version } userErrors { code field } } }"""
ENABLE = """mutation ($input: StaffEnableInput!) { staffEnable(input: $input) {
  staff { id status version } userErrors { code field } } }"""
ACKNOWLEDGE = """mutation ($version: String!) { obligationsAcknowledge(input: {version: $version}) {
  obligations { current acknowledgedVersion } userErrors { code field } } }"""
LIST = f"""query ($first: Int!, $after: String) {{ staff(first: $first, after: $after) {{
  edges {{ cursor node {{ {MEMBER} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
ROLE_LIST = "{ roles { name permissions purposes { purpose caseRequired } } }"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on StaffMember {{ {MEMBER} }} }} }}"
VIEWER = """{ viewer { kind permissions staff { id name } purposes { purpose caseRequired }
  obligations { current version text acknowledgedVersion acknowledgedAt } } }"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@dataclass(frozen=True)
class Callers:
    """Tokens of those who call: nobody, a customer, a member without the permission, and the owner of the shop."""

    owner: Employee
    clerk: Employee
    tokens: dict[str, str | None]


@pytest_asyncio.fixture(loop_scope="session")
async def callers(shop: Shop) -> Callers:
    owner, clerk = await employed(shop.database, "owner"), await employed(shop.database, "floor")
    tokens: dict[str, str | None] = {
        "anonymous": None,
        "customer": await shop.session(await signed_up(shop.database)),
        "clerk": (await at_work(shop.database, clerk)).token,
        "owner": (await at_work(shop.database, owner)).token,
    }
    return Callers(owner, clerk, tokens)


def invitation(**typed: Any) -> dict[str, Any]:
    given = {"name": "Ada", "email": "ada@example.com", "kind": "EMPLOYEE", "roles": ["floor"], "idempotencyKey": "k"}
    return given | typed


def reason(answer: dict[str, Any]) -> tuple[str, str | None]:
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["extensions"].get("reason")


REFUSED = {
    "anonymous": ("UNAUTHENTICATED", None),
    "customer": ("FORBIDDEN", "PERMISSION"),
    "clerk": ("FORBIDDEN", "PERMISSION"),
}


async def everything_of(database: Database) -> list[Any]:
    """What these operations change."""

    async def read(transaction: Any) -> list[Any]:
        members = select(StaffMember.id, StaffMember.status, StaffMember.version, StaffMember.obligations_version)
        held = select(StaffRole.staff_id, StaffRole.role)
        live = select(func.count()).select_from(LoginSession).where(LoginSession.revoked_at.is_(None))
        return [
            sorted(map(str, (await transaction.execute(members)).all())),
            sorted(map(str, (await transaction.execute(held)).all())),
            await transaction.scalar(live),
        ]

    return await database.transact(read)


@pytest.mark.parametrize("caller", REFUSED)
async def test_operations_of_managers_are_refused_to_others_and_do_nothing(shop: Shop, callers: Callers, caller: str):
    before, token = await everything_of(shop.database), callers.tokens[caller]
    for query, given in (
        (INVITE, invitation()),
        (ROLES_SET, {"id": callers.clerk.shown, "roles": ["owner"]}),
        (DISABLE, {"id": callers.owner.shown}),
        (ENABLE, {"id": callers.owner.shown}),
        (DISABLE, {"id": show_id("stf", new_id())}),
    ):
        assert reason(await shop.ask(query, token, input=given)) == REFUSED[caller], query
    assert await everything_of(shop.database) == before


@pytest.mark.parametrize("caller", REFUSED)
async def test_reads_of_staff_are_refused_to_others(shop: Shop, callers: Callers, caller: str):
    token = callers.tokens[caller]
    for query in ("{ staff(first: 1) { edges { node { id } } } }", ROLE_LIST):
        assert reason(await shop.ask(query, token)) == REFUSED[caller], query
        together = await shop.ask(query.replace("{", "{ viewer { kind }", 1), token)
        assert codes(together) == [REFUSED[caller][0]]
    assert (await shop.ask(NODE, token, id=callers.owner.shown))["data"]["node"] is None


@pytest.mark.parametrize("caller", ["anonymous", "customer"])
async def test_obligations_are_acknowledged_by_staff_alone(shop: Shop, callers: Callers, caller: str):
    answer = await shop.ask(ACKNOWLEDGE, callers.tokens[caller], version=obligations.CURRENT.version)
    assert reason(answer) == REFUSED[caller]


@pytest.mark.parametrize(
    ("facts", "missing"),
    [({"acknowledged": False}, "OBLIGATIONS_NOT_ACKNOWLEDGED"), ({"waived": False}, "SECOND_FACTOR_REQUIRED")],
)
async def test_owner_does_nothing_without_acknowledgement_and_second_factor(
    shop: Shop, callers: Callers, facts: dict[str, bool], missing: str
):
    token = (await at_work(shop.database, await employed(shop.database, "owner", **facts))).token
    before = await everything_of(shop.database)
    for query, given in ((INVITE, invitation()), (DISABLE, {"id": callers.clerk.shown})):
        assert reason(await shop.ask(query, token, input=given)) == ("FORBIDDEN", missing)
    assert await everything_of(shop.database) == before


# ---- what they do


async def test_somebody_is_invited_accepts_and_acknowledges(shop: Shop, callers: Callers):
    invited = await asked(shop, INVITE, callers.tokens["owner"], input=invitation(roles=["floor", "tailor", "floor"]))
    member = invited["staff"]
    assert (member["status"], member["email"], member["hasSecondFactor"]) == ("INVITED", "ada@example.com", False)
    assert member["roles"] == [{"name": "floor"}, {"name": "tailor"}]
    token = await Post(shop.database).token_for("ada@example.com")
    response = await asked(shop, ACCEPT, None, input={"token": token, "password": PASSWORD})
    assert (response["userErrors"], response["customer"], response["challenge"]) == ([], None, None)
    own = response["session"]["token"]
    viewer = await asked(shop, VIEWER, own)
    assert (viewer["kind"], viewer["staff"]["id"]) == ("STAFF", member["id"])
    assert viewer["purposes"] == [{"purpose": "PRODUCTS", "caseRequired": False}]
    status = viewer["obligations"]
    assert (status["current"], status["acknowledgedVersion"]) == (False, None)
    assert status["text"] == obligations.CURRENT.text
    acknowledged = await asked(shop, ACKNOWLEDGE, own, version=status["version"])
    assert acknowledged["obligations"] == {"current": True, "acknowledgedVersion": status["version"]}
    assert (await asked(shop, VIEWER, own))["obligations"]["current"]


async def test_invitation_is_answered_the_same_for_the_same_key(shop: Shop, callers: Callers):
    first = await asked(shop, INVITE, callers.tokens["owner"], input=invitation())
    assert await asked(shop, INVITE, callers.tokens["owner"], input=invitation()) == first
    other = await asked(shop, INVITE, callers.tokens["owner"], input=invitation(name="Bo"))
    assert other == {"staff": None, "userErrors": [{"code": "IDEMPOTENCY_CONFLICT", "field": ["idempotencyKey"]}]}
    assert [mail.to for mail in await Post(shop.database).deliver()].count("ada@example.com") == 1


async def test_key_of_one_member_is_nothing_to_another(shop: Shop, callers: Callers):
    other = (await at_work(shop.database, await employed(shop.database, "owner"))).token
    await asked(shop, INVITE, callers.tokens["owner"], input=invitation())
    second = await asked(shop, INVITE, other, input=invitation(email="bo@example.com"))
    assert second["staff"]["email"] == "bo@example.com"


async def test_session_of_a_new_member_may_come_as_a_cookie(shop: Shop, callers: Callers):
    await asked(shop, INVITE, callers.tokens["owner"], input=invitation())
    token = await Post(shop.database).token_for("ada@example.com")
    given = {"token": token, "password": PASSWORD, "transport": "COOKIE"}
    response = await shop.client.post("/graphql", json={"query": ACCEPT, "variables": {"input": given}})
    assert response.json()["data"]["staffInviteAccept"]["session"] == {"token": None}
    assert "Max-Age=43200" in response.headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "lym_nonsense", "x" * 5000])
async def test_token_that_is_none_is_refused(shop: Shop, token: str):
    answer = await asked(shop, ACCEPT, None, input={"token": token, "password": PASSWORD})
    assert (answer["session"], answer["userErrors"]) == (None, [{"code": "TOKEN_INVALID", "field": ["token"]}])


async def test_roles_are_set_and_errors_name_their_field(shop: Shop, callers: Callers):
    token, clerk = callers.tokens["owner"], callers.clerk.shown
    changed = await asked(shop, ROLES_SET, token, input={"id": clerk, "roles": ["support"], "expectedVersion": 1})
    assert (changed["staff"]["roles"], changed["staff"]["version"]) == ([{"name": "support"}], 2)
    for given, error in (
        ({"id": clerk, "roles": [], "expectedVersion": 1}, ("VERSION_CONFLICT", ["expectedVersion"])),
        ({"id": clerk, "roles": ["emperor"]}, ("INVALID", ["roles"])),
        ({"id": "stf_1", "roles": []}, ("NOT_FOUND", ["id"])),
        ({"id": show_id("stf", new_id()), "roles": []}, ("NOT_FOUND", ["id"])),
        ({"id": show_id("cus", callers.clerk.staff_id), "roles": []}, ("NOT_FOUND", ["id"])),
        ({"id": callers.owner.shown, "roles": ["floor"]}, ("LAST_MANAGER", None)),
    ):
        answer = await asked(shop, ROLES_SET, token, input=given)
        assert answer == {"staff": None, "userErrors": [{"code": error[0], "field": error[1]}]}
    assert await shop.database.transact(lambda t: roles_of(t, callers.clerk)) == {"support"}


async def test_disabling_and_enabling(shop: Shop, callers: Callers):
    token, clerk = callers.tokens["owner"], callers.clerk
    disabled = await asked(shop, DISABLE, token, input={"id": clerk.shown, "expectedVersion": 1})
    assert (disabled["staff"]["status"], disabled["staff"]["version"]) == ("DISABLED", 2)
    assert await kind_of(shop, callers.tokens["clerk"]) == "ANONYMOUS"
    enabled = await asked(shop, ENABLE, token, input={"id": clerk.shown})
    assert enabled["staff"]["status"] == "ACTIVE"
    assert await kind_of(shop, callers.tokens["clerk"]) == "ANONYMOUS"
    last = await asked(shop, DISABLE, token, input={"id": callers.owner.shown})
    assert last["userErrors"] == [{"code": "LAST_MANAGER", "field": None}]
    assert await shop.database.transact(lambda t: status_of(t, callers.owner)) is StaffStatus.ACTIVE


async def test_version_that_is_not_in_force_is_stale(shop: Shop, callers: Callers):
    answer = await asked(shop, ACKNOWLEDGE, callers.tokens["clerk"], version="2019-01-01")
    assert answer == {"obligations": None, "userErrors": [{"code": "STALE_VERSION", "field": ["version"]}]}


async def test_member_who_gives_up_managing_may_do_no_more_in_the_same_request(shop: Shop, callers: Callers):
    other = await employed(shop.database, "owner")
    token = (await at_work(shop.database, other)).token
    query = """mutation ($own: ID!, $clerk: ID!) {
      first: staffRolesSet(input: {id: $own, roles: []}) { staff { id roles { name } } userErrors { code } }
      second: staffDisable(input: {id: $clerk}) { userErrors { code } } }"""
    answer = await shop.ask(query, token, own=other.shown, clerk=callers.clerk.shown)
    assert reason(answer) == ("FORBIDDEN", "PERMISSION")
    assert answer["errors"][0]["path"] == ["second"]
    assert await shop.database.transact(lambda t: roles_of(t, other)) == set()
    assert await shop.database.transact(lambda t: status_of(t, callers.clerk)) is StaffStatus.ACTIVE


async def test_member_who_disables_themselves_is_told_so_and_signed_out(shop: Shop, callers: Callers):
    other = await employed(shop.database, "owner")
    token = (await at_work(shop.database, other)).token
    answer = await asked(shop, DISABLE, token, input={"id": other.shown})
    assert answer == {"staff": None, "userErrors": []}
    assert await kind_of(shop, token) == "ANONYMOUS"


# ---- reading


@pytest.mark.parametrize("together_with", ["", " viewer { kind }"], ids=["compiled", "reference"])
async def test_members_are_listed_by_name_page_by_page(shop: Shop, callers: Callers, together_with: str):
    names = {callers.owner.staff_id: "adele", callers.clerk.staff_id: "Bo"}
    for key, name in names.items():
        renamed = update(StaffMember).where(StaffMember.id == key).values(name=name)
        await shop.database.transact(lambda t, renamed=renamed: t.execute(renamed))
    query, token = LIST.replace("{ staff", "{" + together_with + " staff", 1), callers.tokens["owner"]
    first = (await shop.ask(query, token, first=1))["data"]["staff"]
    assert [edge["node"]["name"] for edge in first["edges"]] == ["adele"]
    assert first["edges"][0]["node"]["roles"] == [{"name": "owner"}]
    after = (await shop.ask(query, token, first=1, after=first["pageInfo"]["endCursor"]))["data"]["staff"]
    assert [edge["node"]["name"] for edge in after["edges"]] == ["Bo"]
    assert not after["pageInfo"]["hasNextPage"]


@pytest.mark.parametrize("together_with", ["", " viewer { kind }"], ids=["compiled", "reference"])
async def test_roles_are_those_of_the_code(shop: Shop, callers: Callers, together_with: str):
    query = ROLE_LIST.replace("{", "{" + together_with, 1)
    found = (await shop.ask(query, callers.tokens["owner"]))["data"]["roles"]
    assert [role["name"] for role in found] == sorted(ROLES)
    for role in found:
        declared = ROLES[role["name"]]
        assert role["permissions"] == sorted(declared.permissions)
        purposes = {(one["purpose"], one["caseRequired"]) for one in role["purposes"]}
        assert purposes == {(one.purpose, one.case_required) for one in declared.purposes}


@pytest.mark.parametrize("together_with", ["", " viewer { kind }"], ids=["compiled", "reference"])
async def test_member_sees_themselves_and_no_colleague(shop: Shop, callers: Callers, together_with: str):
    query = NODE.replace("{ node", "{" + together_with + " node", 1)
    own = (await shop.ask(query, callers.tokens["clerk"], id=callers.clerk.shown))["data"]["node"]
    assert (own["email"], own["roles"]) == (callers.clerk.email, [{"name": "floor"}])
    assert (await shop.ask(query, callers.tokens["clerk"], id=callers.owner.shown))["data"]["node"] is None


@pytest.mark.parametrize("caller", ["anonymous", "customer"])
async def test_viewer_who_is_not_staff_has_nothing_of_staff(shop: Shop, callers: Callers, caller: str):
    viewer = await asked(shop, VIEWER, callers.tokens[caller])
    assert (viewer["staff"], viewer["purposes"], viewer["obligations"], viewer["permissions"]) == (None, [], None, [])


async def test_member_signs_in_as_customers_do(shop: Shop):
    hasher = PasswordHasher()
    employee = await employed(shop.database, "support", password_hash=await hasher.hash(PASSWORD))
    hasher.close()
    payload = (await sign_in(shop, employee.email)).json()["data"]["signIn"]
    assert (payload["customer"], payload["userErrors"]) == (None, [])
    viewer = await asked(shop, "{ viewer { kind session { current } permissions } }", payload["session"]["token"])
    assert (viewer["kind"], viewer["session"]) == ("STAFF", {"current": True})
    assert viewer["permissions"] == sorted(ROLES["support"].permissions)
