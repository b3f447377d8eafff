"""The page of permissions, executed: every field, as every kind of caller, for every purpose, in both ways.

What is expected is read from docs/permissions.md as it is committed, and from nothing else (P12, P41, P52).
"""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio

from app.embedded import Services
from auth.roles import ROLES
from reads.engine import Outcome
from resolvers.root import open_engine
from tests.support.database import copy_of
from tests.support.matrix_checks import Examiner, why
from tests.support.matrix_page import Told
from tests.support.matrix_sabotage import SABOTAGES, Sabotage
from tests.support.matrix_world import Caller, MatrixWorld, open_matrix
from tests.support.shop_facts import FACTS

OTHERS = "others"
WHO_MAY_READ = (
    "support for PRODUCTS",
    "owner for PRODUCTS",
    "owner for LEGAL_SAFETY with a case",
    "privacy for ACCESS",
    "partner reviews:read",
    "owner of it",
)
"""Callers who together may read whatever somebody may."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(template: str, running: Services) -> AsyncGenerator[MatrixWorld]:
    async with copy_of(template, running.database_url) as url:
        opened = await open_matrix(url, open_engine(facts=FACTS))
        yield opened
        await opened.database.close()


def callers(world: MatrixWorld, group: str) -> list[Caller]:
    """All standings of a role, or everyone who has none."""
    roles = [caller.viewer.staff.roles[0] if caller.viewer.staff else OTHERS for caller in world.callers]
    return [caller for caller, role in zip(world.callers, roles, strict=True) if role == group]


async def complaints(world: MatrixWorld, group: str) -> list[str]:
    """What is wrong with the answers to these callers.

    All that is promised to a caller for the first time is asked for by every way there is; what somebody before got
    too, by one way. Who is only refused as somebody before asks for what is refused.
    """
    found: list[str] = []
    known, seen = set(), set()
    for caller in callers(world, group):
        told = world.page.all_told(caller.viewer)
        outcomes = tuple(one.outcome for one in told)
        examiner = Examiner(world, caller, every_way=outcomes not in seen)
        brief = told in known and not world.page.tells_of_persons(caller.viewer)
        checks = examiner.of_all_refused(examiner.questions) if brief else examiner.complaints()
        found += [f"{caller}: {one}" async for one in checks]
        known.add(told)
        seen.add(outcomes)
    return found


@pytest.mark.parametrize("group", [*ROLES, OTHERS])
async def test_p41_every_field_is_read_as_the_page_says(world: MatrixWorld, group: str):
    wrong = await complaints(world, group)
    assert not wrong, "\n".join(wrong[:20])


async def test_nothing_on_the_page_is_left_out(world: MatrixWorld):
    questions = [one for name in WHO_MAY_READ for one in Examiner(world, world.named(name)).questions]
    read = {(one.route.type.name, one.name) for one in questions if not one.told.refused}
    read |= {(line.type_name, line.name) for one in questions for line in one.route.edges}
    asked_elsewhere = {"Mutation", "Subscription"} | {name for name, _ in world.page.lines if name.endswith("Payload")}
    restricted = {name for name, line in world.page.lines.items() if "anyone" not in line.readers}
    assert {name for name in restricted - read if name[0] not in asked_elsewhere and "(" not in name[1]} == set()


ARGUMENTS = {
    "customers(search)": 'customers(first: 5, search: "CANARY@")',
    "customerByContact(contact)": 'customerByContact(contact: "ana.canary@example.com")',
    "staffAccesses(customerId)": 'staffAccesses(first: 5, customerId: "%(Customer)s")',
    "orders(filter.customerId)": 'orders(first: 5, filter: {customerId: "%(Customer)s"})',
}
"""Roots that are asked by something of Ana's."""


def test_every_argument_on_the_page_is_asked_for(world: MatrixWorld):
    assert {name for _, name in world.page.lines if "(" in name} == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_rows_are_found_by_what_the_caller_may_read(world: MatrixWorld, name: str):
    root, line = name.partition("(")[0], world.page.lines["Query", name]
    text = f"{{ {ARGUMENTS[name] % world.ids} {{ __typename }} }}"
    if root != "customerByContact":
        text = text.replace("__typename", "edges { cursor } pageInfo { hasNextPage }")
    outcomes = set()
    for caller in world.callers:
        told = [world.page.told("Query", root, caller.viewer), line.of(caller.viewer)]
        wanted = next((one for one in told if one.refused), told[0])
        examiner = Examiner(world, caller, every_way=False)
        outcomes.add(wanted.reason)
        assert await asked_both_ways(examiner, text, wanted) == [], caller
    assert outcomes >= {None, "PERMISSION", "PURPOSE_REQUIRED", "OBLIGATIONS_NOT_ACKNOWLEDGED"}


async def asked_both_ways(examiner: Examiner, text: str, told: Told) -> list[str]:
    """What is wrong with the answer to a question that somebody may ask or not."""
    world, wrong = examiner.world, []
    world.database.take()
    body = await examiner.compiled(text)
    sent, log = world.database.take(), await world.taken_log()
    result = await examiner.reference(text)
    sent_by_reference, log_by_reference = world.database.take(), await world.taken_log()
    if told.refused:
        wrong += ["something is read"] * bool(sent or sent_by_reference or log or log_by_reference)
        wrong += [f"{error}" for error in result.errors or () if why(error) != (told.code, told.reason)]
        return wrong + ["it is not refused"] * (body is not Outcome.EXECUTE or not result.errors)
    wrong += ["both ways differ"] * (getattr(body, "data", b"") != orjson.dumps({"data": result.data}))
    wrong += [f"{log} and {log_by_reference} recorded"] * (log != log_by_reference or len(log) != 1)
    return wrong + ["nothing is found"] * ("null" in str(body) or "[]" in str(body))


@pytest.fixture
def unbroken() -> Iterator[None]:
    """Engines share the schema: the last one that was opened decides about its resolvers."""
    yield
    open_engine()


@pytest.mark.usefixtures("unbroken")
@pytest.mark.parametrize(("sabotage", "caller"), SABOTAGES.items(), ids=lambda one: getattr(one, "__name__", None))
async def test_broken_declaration_is_found(world: MatrixWorld, sabotage: Sabotage, caller: str):
    with pytest.MonkeyPatch.context() as patch:
        sabotage(patch)
        broken = replace(world, engine=open_engine(facts=FACTS))
        examiner = Examiner(broken, broken.named(caller), every_way=False)
        assert await anext(aiter(examiner.complaints()), None) is not None
    await world.taken_log()
