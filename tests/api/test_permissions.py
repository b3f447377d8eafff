"""Nobody does what they may not, and nobody learns that there is something they may not see (P12, P51).

Every mutation of the schema is tried by every kind of caller that it does not admit, and every id by everyone whose it
is not. That each field shows what it should to each caller is what test_matrix.py shows.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

import models
from app.embedded import Services
from app.settings import Settings
from auth.permissions import ANYONE, denial, is_public
from auth.viewer import ANONYMOUS, Access, StaffFacts, Viewer, ViewerKind
from models.classification import Personal, classification
from models.database import Database
from models.ids import new_id, show_id
from reads.declare import field_readers
from reads.engine import Body, Outcome
from reads.entities import strawberry_field
from resolvers.root import core_schema, open_engine
from tests.support import inputs, uploads
from tests.support.account import everything
from tests.support.both_ways import World, open_world
from tests.support.database import copy_of
from tests.support.partner import partner_and_key
from tests.support.people import digest_of
from tests.support.shop import Shop, open_shop
from tests.support.shop_facts import FACTS
from tests.support.staff import at_work, employed

MUTATIONS = core_schema().mutation_type
assert MUTATIONS is not None
FIELDS = MUTATIONS.fields
READERS = {name: field_readers(strawberry_field(MUTATIONS, name)) for name in FIELDS}
GUARDED = [name for name, readers in READERS.items() if not is_public(readers)]
OF_OWNERS = [name for name in GUARDED if denial(READERS[name], Access(ViewerKind.CUSTOMER)) is None]

CALLERS = {
    "anonymous": Access(ViewerKind.ANONYMOUS),
    "forged": Access(ViewerKind.ANONYMOUS),
    "customer": Access(ViewerKind.CUSTOMER),
    "staff": Access(ViewerKind.STAFF),
    "partner": Access(ViewerKind.PARTNER),
}
"""Whom they are by kind; the member of staff has no role, and the partner no scope that is of use here."""

NOT_OF_A_PERSON = {"brandIds"}
"""Ids of the catalogue in inputs: they are everyone's."""


COUNTED = ("partner_usage:", "partner_key:")


@dataclass(frozen=True)
class Premises:
    """The shop over HTTP with the planted world behind it, and the credentials of those who call."""

    shop: Shop
    world: World
    tokens: dict[str, str | None]

    async def post(self, query: str, token: str | None, **variables: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        files = {name: found for name, found in variables.items() if isinstance(found, bytes)}
        if files:
            form = uploads.form(uploads.request(query, files))
            return await self.shop.client.post("/graphql", content=form, headers=uploads.headers(token))
        body = {"query": query, "variables": variables}
        return await self.shop.client.post("/graphql", json=body, headers=headers)

    async def stored(self) -> list[str]:
        """All rows but those that count requests themselves, which are written from time to time."""
        rows = (await self.shop.database.transact(everything)).splitlines()
        return sorted(row for row in rows if not row.startswith(COUNTED))

    async def belongings(self, account: UUID) -> dict[str, list[str]]:
        """All rows of a person, by table."""
        return await self.shop.database.transact(lambda transaction: rows_of(transaction, account))


async def rows_of(transaction: Any, account: UUID) -> dict[str, list[str]]:
    found = {}
    for table in models.metadata.sorted_tables:
        subjects = {one.subject for one in map(classification, table.columns) if isinstance(one, Personal)}
        for subject in subjects:
            own = text(f'SELECT row::text FROM "{table.name}" AS row WHERE {subject} = :account ORDER BY 1')
            found[table.name] = list(await transaction.scalars(own, {"account": account}))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def premises(settings: Settings, template: str, running: Services) -> AsyncGenerator[Premises]:
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        world = await open_world(database, open_engine(facts=FACTS))
        async with open_shop(settings, database, running.redis_url) as shop:
            token = await shop.session(world.people["new"].id)
            tokens: dict[str, str | None] = {
                "anonymous": None,
                "forged": token[:-1] + ("x" if token[-1] != "x" else "y"),
                "customer": token,
                "owner": await shop.session(world.people["full"].id),
                "staff": (await at_work(database, await employed(database))).token,
                "partner": (await partner_and_key(database))[1].text,
            }
            yield Premises(shop, world, tokens)
        await database.close()


# ---- doing


def refused() -> list[tuple[str, str]]:
    return [
        (caller, name)
        for caller, access in CALLERS.items()
        for name in GUARDED
        if denial(READERS[name], access) is not None
    ]


def test_most_mutations_are_guarded():
    assert {"addressCreate", "accountUpdate", "staffInvite", "partnerKeyIssue", "customerDisable"} <= set(GUARDED)
    assert {name for name in FIELDS if READERS[name] == ANYONE} >= {"signIn", "accountRegister"}
    assert len(refused()) > 3 * len(GUARDED)


@pytest.mark.parametrize("caller", CALLERS)
async def test_mutation_of_others_is_refused_and_does_nothing(premises: Premises, caller: str):
    prefixes = {"customerId": "cus", "staffId": "stf", "partnerId": "prt", "tillId": "til"}

    def existing(name: str) -> str:
        ids = premises.world.samples.ids
        return ids.get(prefixes.get(name, "adr"), ids["adr"])[0]

    before = await premises.stored()
    for name in [name for one, name in refused() if one == caller]:
        asked = inputs.operation(name, FIELDS[name])
        for full in (False, True):
            given = inputs.variables(FIELDS[name], existing, everything=full)
            answer = (await premises.post(asked, premises.tokens[caller], **given)).json()
            assert answer.get("data") is None, (name, answer)
            expected = "UNAUTHENTICATED" if CALLERS[caller].kind is ViewerKind.ANONYMOUS else "FORBIDDEN"
            assert [error["extensions"]["code"] for error in answer["errors"]] == [expected], (name, answer)
            assert str(answer).count("adr_") == 0
    assert await premises.stored() == before


@pytest.mark.parametrize("name", [name for name in OF_OWNERS if inputs.id_fields(FIELDS[name]) - NOT_OF_A_PERSON])
async def test_id_of_another_is_no_input(premises: Premises, name: str):
    """What comes of the owner's id is what comes of an id of nothing, and the owner's rows stay as they are."""
    owner = premises.world.people["full"]
    before = await premises.belongings(owner.id)
    assert all(before[table] for table in ("account", "address", "login_session", "orders", "second_factor"))
    asked = inputs.operation(name, FIELDS[name])
    for prefix, keys in ids_of(before).items():
        told = []
        for key in (keys[0], new_id(), None):
            shown = show_id(prefix, key) if key is not None else "nonsense"
            given = inputs.variables(FIELDS[name], lambda _, shown=shown: shown)
            answer = (await premises.post(asked, premises.tokens["customer"], **given)).json()
            assert "errors" not in answer, answer
            told.append(answer)
            assert answer["data"][name]["userErrors"], (name, prefix)
        assert told[0] == told[1] == told[2], name
    assert await premises.belongings(owner.id) == before


def ids_of(rows: dict[str, list[str]]) -> dict[str, list[UUID]]:
    """Keys of a person's rows, by the prefix that the API shows them with; a row's text begins with its key."""
    prefixes = {"address": "adr", "login_session": "ses", "orders": "ord", "second_factor": "fac", "account": "cus"}
    return {prefix: [UUID(row[1:37]) for row in rows[table]] for table, prefix in prefixes.items()}


# ---- seeing


NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($id: ID!) { nodes(ids: [$id]) { __typename id } }"
ORDER = "query ($id: ID!) { order(id: $id) { number total { amount } contact { email } } }"


UNALIKE = ("x-request-id", "date", "ratelimit")


def of_interest(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in response.headers.items() if not name.startswith(UNALIKE)}
    return response.status_code, response.content, headers


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("query", [NODE, NODES, ORDER], ids=["node", "nodes", "order"])
async def test_forbidden_looks_like_absent(premises: Premises, query: str, caller: str):
    people, token = premises.world.people, premises.tokens[caller]
    belongings = ids_of(await premises.belongings(people["full"].id))
    for prefix, keys in belongings.items():
        shown = [show_id(prefix, keys[0]), show_id(prefix, keys[-1]), show_id(prefix, new_id()), "nonsense", ""]
        answers = [of_interest(await premises.post(query, token, id=one)) for one in shown]
        assert answers == [answers[-1]] * len(shown), prefix
        assert b"null" in answers[0][1]


async def test_owner_sees_what_others_do_not(premises: Premises):
    belongings = ids_of(await premises.belongings(premises.world.people["full"].id))
    for prefix in ("adr", "ord", "cus"):
        shown = show_id(prefix, belongings[prefix][0])
        answer = (await premises.post(NODE, premises.tokens["owner"], id=shown)).json()
        assert answer["data"]["node"]["id"] == shown
    shown = show_id("ord", belongings["ord"][0])
    assert (await premises.post(ORDER, premises.tokens["owner"], id=shown)).json()["data"]["order"]["number"]


async def test_hidden_rows_of_the_catalogue_are_absent_to_everyone(premises: Premises):
    pending = show_id("rev", premises.world.catalogue.unpublished[0])
    for token in premises.tokens.values():
        assert (await premises.post(NODE, token, id=pending)).json() == {"data": {"node": None}}


async def test_archived_products_are_reached_by_their_address_alone(premises: Premises):
    archived = {show_id("prd", key) for key in premises.world.catalogue.archived}
    one = min(archived)
    for token in premises.tokens.values():
        product = "query ($id: ID!) { product(id: $id) { id archived available variants { id } } }"
        told = {"id": one, "archived": True, "available": False, "variants": []}
        assert (await premises.post(product, token, id=one)).json() == {"data": {"product": told}}
        assert (await premises.post(NODE, token, id=one)).json()["data"]["node"] == {"__typename": "Product", "id": one}
        listed = (await premises.post("{ products(first: 100) { edges { node { id } } } }", token)).json()
        assert archived.isdisjoint(edge["node"]["id"] for edge in listed["data"]["products"]["edges"])


# ---- sessions that are over


OWNED = "{ me { email } }"


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at", "last_used_at"])
async def test_compiled_read_finds_out_that_the_session_is_over(premises: Premises, ended: str):
    world, person = premises.world, premises.world.people["full"]
    operation = world.engine.prepare(OWNED, None)
    live = await world.engine.read(operation, {}, person.viewer, world.database)
    assert isinstance(live, Body)
    over = replace(person.viewer, token_digest=digest_of(f"full {[ended]}"))
    assert await world.engine.read(operation, {}, over, world.database) is Outcome.SESSION_GONE


@pytest.mark.parametrize(
    "query",
    [
        "{ customers(first: 2) { edges { node { createdAt } } } }",
        "{ staff(first: 2) { edges { node { kind } } } }",
        '{ order(id: "ord_00000000000000000000000000000001") { number } }',
    ],
)
async def test_what_staff_may_read_is_checked_with_their_access(premises: Premises, query: str):
    world = premises.world
    viewer = world.people["clerk"].as_staff[0]
    operation = world.engine.prepare(query, None)
    assert isinstance(await world.engine.read(operation, {}, viewer, world.database), Body)
    assert viewer.staff is not None
    for claimed in (
        replace(viewer, staff=replace(viewer.staff, stamp=viewer.staff.stamp - 1)),
        replace(viewer, token_digest=digest_of("clerk ['revoked_at']")),
        replace(viewer, token_digest=world.people["full"].viewer.token_digest),
        replace(viewer, token_digest=b"\0" * 32),
    ):
        assert await world.engine.read(operation, {}, claimed, world.database) is Outcome.SESSION_GONE


async def test_session_of_a_member_is_no_customers(premises: Premises):
    world = premises.world
    clerk = world.people["clerk"]
    claimed = Viewer(ViewerKind.CUSTOMER, clerk.id, clerk.sessions[0], clerk.viewer.token_digest)
    operation = world.engine.prepare(OWNED, None)
    assert await world.engine.read(operation, {}, claimed, world.database) is Outcome.SESSION_GONE
    assert isinstance(await world.engine.read(operation, {}, ANONYMOUS, world.database), Body)


def test_facts_of_staff_are_part_of_the_access():
    facts = StaffFacts(new_id(), 1, (), frozenset(), acknowledged=True, second_factor=True)
    viewer = Viewer(ViewerKind.STAFF, staff=facts)
    assert viewer.access != replace(viewer, staff=replace(facts, acknowledged=False)).access
