"""What staff read of persons is recorded, once for each person and request, or it is not read (P12, P41)."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio

from app.embedded import Services
from auth.viewer import Viewer
from models.catalogue import Product, Variant
from models.database import Database
from reads.engine import Body, Outcome
from tests.support.database import copy_of
from tests.support.matrix_checks import Examiner
from tests.support.matrix_world import MatrixWorld, Overheard, open_matrix
from tests.support.planting import NOON, Planting
from tests.support.shop import engine

EMAILS = "{ customers(first: 5) { edges { node { email } } } }"
NAME, EMAIL, PHONE = "user.name", "user.contact.email", "user.contact.phone_number"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def planted(template: str, running: Services) -> AsyncGenerator[MatrixWorld]:
    """The world of which each test has a copy. Nothing is connected to its database."""
    async with copy_of(template, running.database_url) as url:
        opened = await open_matrix(url, engine())
        await opened.database.close()
        yield opened


@pytest_asyncio.fixture
async def world(planted: MatrixWorld, running: Services) -> AsyncGenerator[MatrixWorld]:
    async with copy_of(planted.database.url, running.database_url) as url:
        opened = replace(planted, database=Overheard(url))
        yield opened
        await opened.database.close()


@pytest.fixture
def support(world: MatrixWorld) -> Examiner:
    return asking(world, "support for ACCESS with a case")


def asking(world: MatrixWorld, name: str) -> Examiner:
    return Examiner(world, world.named(name), every_way=False)


async def change(world: MatrixWorld, sql: str, *arguments: Any) -> None:
    async with Database.reading(world.database) as connection:
        await connection.execute(sql, *arguments)


async def recorded(world: MatrixWorld) -> dict[str, list[set[str]]]:
    """The categories of the rows of each person."""
    names = {key: name for name, key in world.subjects.items()}
    found: dict[str, list[set[str]]] = {}
    for subject, categories in await world.taken_log():
        found.setdefault(names[subject], []).append(set(categories))
    return found


async def test_statement_that_reads_records(world: MatrixWorld, support: Examiner):
    body = await support.compiled(EMAILS)
    assert isinstance(body, Body)
    assert b"ana.canary@example.com" in body.data
    [sent] = world.database.take()
    assert sent.count("INSERT INTO data_access") == 1
    assert await recorded(world) == {"ana": [{EMAIL}], "bo": [{EMAIL}]}


async def test_marks_of_the_record_are_not_in_the_answer(support: Examiner):
    body = await support.compiled(EMAILS)
    assert isinstance(body, Body)
    assert not {2} & set(body.data)
    assert orjson.loads(body.data)["data"]


async def test_row_says_who_in_what_role_what_for_and_under_which_case(world: MatrixWorld, support: Examiner):
    await support.compiled(f'{{ customer(id: "{world.ids["Customer"]}") {{ name }} }}')
    async with Database.reading(world.database) as connection:
        row = await connection.fetchrow("SELECT * FROM data_access WHERE id <> $1", world.subjects["access"])
    assert support.viewer.staff is not None
    assert (row["account_id"], row["staff_id"]) == (world.subjects["ana"], support.viewer.staff.staff_id)
    assert (row["role"], row["purpose"], row["case_reference"]) == ("support", "ACCESS", "T-1")
    assert row["categories"] == [NAME]


async def test_request_has_one_row_for_a_person_whatever_asks(world: MatrixWorld, support: Examiner):
    ana, order = world.ids["Customer"], world.ids["Order"]
    query = f"""{{ a: customer(id: "{ana}") {{ name }} b: customer(id: "{ana}") {{ email hasPassword }}
        order(id: "{order}") {{ contact {{ phone }} }} }}"""
    result = await support.reference(query)
    assert [error.path for error in result.errors or ()] == [["b", "hasPassword"]]
    assert await recorded(world) == {"ana": [{NAME, EMAIL, PHONE}]}


async def test_mutation_has_one_row_for_all_its_payloads(world: MatrixWorld, support: Examiner):
    call = f'customerEnable(input: {{id: "{world.ids["Customer"]}", reason: "asked"}}) {{ customer {{ %s }} }}'
    result = await support.reference(f"mutation {{ a: {call % 'name'} b: {call % 'email username hasPassword'} }}")
    assert result.data
    assert result.data["a"]["customer"]["name"]
    assert await recorded(world) == {"ana": [{NAME, EMAIL, "user.account.username"}]}


async def test_each_request_has_its_own_row(world: MatrixWorld, support: Examiner):
    ask = f'{{ customer(id: "{world.ids["Customer"]}") {{ name }} }}'
    await support.compiled(ask)
    await support.compiled(ask)
    await support.reference(ask)
    assert await recorded(world) == {"ana": [{NAME}, {NAME}, {NAME}]}


async def test_masked_read_is_recorded_as_a_read(world: MatrixWorld):
    floor = asking(world, "floor for PRODUCTS")
    body = await floor.compiled(f'{{ node(id: "{world.ids["Customer"]}") {{ ... on Customer {{ email }} }} }}')
    assert isinstance(body, Body)
    assert b'"a***@e***"' in body.data
    assert await recorded(world) == {"ana": [{EMAIL}]}


async def test_what_is_found_is_recorded_though_nothing_of_it_is_shown(world: MatrixWorld, support: Examiner):
    for query in (
        '{ customers(first: 0, search: "ana.canary@") { pageInfo { hasNextPage } } }',
        '{ customers(first: 1, search: "ana.canary@") { edges { cursor } } }',
        '{ customers(first: 1, search: "ana.canary@") { pageInfo { startCursor } } }',
    ):
        assert isinstance(await support.compiled(query), Body)
        assert await recorded(world) == {"ana": [{NAME, EMAIL, PHONE}]}, query
        await support.reference(query)
        assert await recorded(world) == {"ana": [{NAME, EMAIL, PHONE}]}, query


async def test_row_beyond_the_page_that_nobody_is_told_of_is_not_recorded(world: MatrixWorld, support: Examiner):
    query = "{ customers(first: 1) { edges { node { name } } } }"
    await support.compiled(query)
    found = await recorded(world)
    assert list(found.values()) == [[{NAME}]]
    await support.reference(query)
    assert await recorded(world) == found


async def test_order_that_was_cut_off_from_its_person_records_nothing(world: MatrixWorld, support: Examiner):
    await change(world, "UPDATE orders SET account_id = NULL")
    await change(world, "UPDATE order_contact SET account_id = NULL")
    query = f'{{ order(id: "{world.ids["Order"]}") {{ number customer {{ name }} contact {{ email }} }} }}'
    body = await support.compiled(query)
    assert isinstance(body, Body)
    assert orjson.loads(body.data)["data"]["order"]["customer"] is None
    await support.reference(query)
    assert await recorded(world) == {}


async def test_customers_reading_of_their_own_is_not_recorded(world: MatrixWorld):
    owner = asking(world, "owner of it")
    assert isinstance(await owner.compiled("{ me { name email orders(first: 3) { edges { cursor } } } }"), Body)
    assert await recorded(world) == {}


# ---- no answer without a record


async def test_read_that_cannot_be_recorded_is_not_answered(world: MatrixWorld, support: Examiner):
    await change(world, "ALTER TABLE data_access ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    with pytest.raises(asyncpg.CheckViolationError):
        await support.compiled(EMAILS)
    result = await support.reference(EMAILS)
    assert result.data is None
    assert result.errors
    payload = f'customerEnable(input: {{id: "{world.ids["Customer"]}", reason: "x"}}) {{ customer {{ name }} }}'
    result = await support.reference(f"mutation {{ {payload} }}")
    assert "canary" not in str(result.data)
    assert result.errors


async def test_what_is_not_of_persons_is_read_though_nothing_can_be_recorded(world: MatrixWorld, support: Examiner):
    await change(world, "ALTER TABLE data_access ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    assert isinstance(
        await support.compiled("{ orders(first: 1) { edges { node { number total { amount } } } } }"), Body
    )


async def test_member_whose_access_changed_reads_nothing(world: MatrixWorld, support: Examiner):
    await change(world, "UPDATE staff_member SET access_stamp = access_stamp + 1")
    assert await support.compiled(EMAILS) is Outcome.SESSION_GONE
    assert await recorded(world) == {}


async def test_answer_that_has_an_error_is_recorded_once(world: MatrixWorld, support: Examiner):
    """The statement finds that a promised value is missing, and the reference way answers instead."""
    planting = Planting(1)
    product = planting.add(Product, slug="priceless", name="Priceless")
    variant = planting.add(Variant, product_id=product, position=0, sku="PRICELESS")
    await world.database.transact(planting.write)
    await change(world, "UPDATE order_line SET variant_id = $1", variant)
    query = f"""{{ order(id: "{world.ids["Order"]}") {{ contact {{ email }}
        lines {{ variant {{ product {{ priceRange {{ minimum {{ amount }} }} }} }} }} }} }}"""
    assert await support.compiled(query) is Outcome.EXECUTE
    assert await recorded(world) == {}
    result = await support.reference(query)
    assert result.data
    assert result.data["order"]["contact"]["email"] == "ana.canary@example.com"
    assert await recorded(world) == {"ana": [{EMAIL}]}


async def test_requests_that_read_the_same_persons_do_not_stand_in_each_others_way(world: MatrixWorld):
    asked = [asking(world, name) for name in ("support for PRODUCTS", "owner for PRODUCTS", "privacy for ACCESS")]
    page = "customers(first: 5%s) { edges { node { %s } } }"
    searches = (page % (f', search: "{part}"', "name") for part in ("a", "canary"))
    texts = [f"{{ {page % ('', 'email hasPassword')} again: {search} }}" for search in searches]
    await asyncio.gather(*(one.reference(text) for one in asked * 4 for text in texts))
    found = await recorded(world)
    assert len(found["ana"]) == 24
    assert all(categories >= {EMAIL, NAME} for categories in found["ana"])


# ---- who sees the log


async def test_person_sees_reads_without_the_employees_name(world: MatrixWorld, support: Examiner):
    await change(world, "DELETE FROM data_access")
    await support.compiled(f'{{ customer(id: "{world.ids["Customer"]}") {{ name phone }} }}')
    owner = asking(world, "owner of it")
    fields = "id occurredAt role purpose caseReference categories"
    body = await owner.compiled(f"{{ me {{ dataAccesses(first: 3) {{ edges {{ node {{ {fields} }} }} }} }} }}")
    assert isinstance(body, Body)
    [edge] = orjson.loads(body.data)["data"]["me"]["dataAccesses"]["edges"]
    shown = {name: value for name, value in edge["node"].items() if name not in {"id", "occurredAt"}}
    assert shown == {
        "role": "support",
        "purpose": "ACCESS",
        "caseReference": "T-1",
        "categories": [PHONE, NAME],
    }
    assert support.viewer.staff is not None
    for secret in (b"Staff support", b"support@staff", support.viewer.staff.staff_id.hex.encode()):
        assert secret not in body.data


async def test_person_sees_none_of_others_reads(world: MatrixWorld, support: Examiner):
    await support.compiled(EMAILS)
    other = asking(world, "another customer")
    body = await other.compiled("{ me { dataAccesses(first: 5) { edges { node { role } } } } }")
    assert isinstance(body, Body)
    assert orjson.loads(body.data)["data"]["me"]["dataAccesses"]["edges"] == [{"node": {"role": "support"}}]


async def test_type_of_the_owners_log_has_no_way_to_the_employee(world: MatrixWorld):
    fields: Any = world.engine.schema.type_map["DataAccess"]
    assert set(fields.fields) == {"id", "occurredAt", "role", "purpose", "caseReference", "categories"}


async def test_overseer_sees_who_read_and_for_a_purpose_whose_data(world: MatrixWorld, support: Examiner):
    await change(world, "DELETE FROM data_access")
    await support.compiled(f'{{ customer(id: "{world.ids["Customer"]}") {{ name }} }}')
    list_them = "{ staffAccesses(first: 5%s) { edges { node { role categories staff { name } %s } } } }"
    idle = asking(world, "privacy without a purpose")
    body = await idle.compiled(list_them % ("", ""))
    assert isinstance(body, Body)
    [edge] = orjson.loads(body.data)["data"]["staffAccesses"]["edges"]
    assert edge["node"] == {"role": "support", "categories": [NAME], "staff": {"name": "Staff support"}}
    asked = asking(world, "privacy for ACCESS")
    body = await asked.compiled(list_them % (f', customerId: "{world.ids["Customer"]}"', "customerId caseReference"))
    assert isinstance(body, Body)
    [edge] = orjson.loads(body.data)["data"]["staffAccesses"]["edges"]
    assert edge["node"]["customerId"] == world.ids["Customer"]
    assert edge["node"]["caseReference"] == "T-1"


async def test_log_is_paged_newest_first(world: MatrixWorld):
    await change(world, "DELETE FROM data_access")
    staff_id = viewer_staff(world.named("support for ACCESS").viewer)
    for hour in range(5):
        await change(
            world,
            "INSERT INTO data_access (id, account_id, staff_id, role, purpose, categories, occurred_at) "
            "VALUES (gen_random_uuid(), $1, $2, $3, 'ACCESS', '{}', $4)",
            world.subjects["ana"],
            staff_id,
            f"role {hour}",
            NOON.replace(hour=hour),
        )
    privacy, seen, after = asking(world, "privacy without a purpose"), [], ""
    for _ in range(3):
        page = f"staffAccesses(first: 2{after}) {{ edges {{ node {{ role }} }} pageInfo {{ endCursor hasNextPage }} }}"
        body = await privacy.compiled(f"{{ {page} }}")
        assert isinstance(body, Body)
        found = orjson.loads(body.data)["data"]["staffAccesses"]
        seen += [edge["node"]["role"] for edge in found["edges"]]
        after = f', after: "{found["pageInfo"]["endCursor"]}"'
    assert seen == ["role 4", "role 3", "role 2", "role 1", "role 0"]
    assert not found["pageInfo"]["hasNextPage"]


def viewer_staff(viewer: Viewer) -> Any:
    assert viewer.staff is not None
    return viewer.staff.staff_id
