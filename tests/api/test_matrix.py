"""The page of permissions, executed: every field, as every kind of caller, for every purpose, in both ways (P12, P41, P52).

What is expected is read from docs/permissions.md as it is committed, and from nothing else.
"""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from app.embedded import Services
from auth.roles import ROLES
from resolvers.root import open_engine
from tests.support.database import copy_of
from tests.support.matrix_checks import Examiner
from tests.support.matrix_world import Caller, MatrixWorld, open_matrix

OTHERS = "others"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(template: str, running: Services) -> AsyncGenerator[MatrixWorld]:
    async with copy_of(template, running.database_url) as url:
        opened = await open_matrix(url, open_engine())
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
async def test_every_field_is_read_as_the_page_says(world: MatrixWorld, group: str):
    wrong = await complaints(world, group)
    assert not wrong, "\n".join(wrong[:20])
