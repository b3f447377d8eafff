"""Computed fields are put into what was read of an entity: at once, or when they have been waited for."""

import asyncio
from typing import Any

import pytest

from reads.finish import Below, Steps, finished, unshared


def at_once(value: Any, info: Any) -> Any:
    return value + info


async def soon(value: Any, info: Any) -> Any:
    await asyncio.sleep(0)
    return value * info


async def never(value: Any, info: Any) -> Any:
    raise ValueError


def steps(**made: Any) -> Steps:
    return Steps([[(key, make, str)] for key, make in made.items()], [])


async def test_fields_are_made_of_what_was_read():
    inner = steps(b=soon, c=at_once)
    whole = Steps(
        [[("a", soon, str), ("z", at_once, int)]],
        [Below("one", False, inner), Below("all", True, inner), Below("none", False, inner)],
    )
    found = {
        "z": None,
        "a": 1,
        "one": {"b": 2, "c": 3},
        "all": [{"b": 4, "c": 5}, {"b": 6, "c": 7}],
        "none": None,
        "left": 8,
    }
    assert await finished(whole, found, 10) == {
        "z": 11,
        "a": "10",
        "one": {"b": "20", "c": "13"},
        "all": [{"b": "40", "c": "15"}, {"b": "60", "c": "17"}],
        "none": None,
        "left": 8,
    }


def test_what_fields_share_is_given_to_each_of_them():
    alike = [("a", at_once, str), ("b", at_once, str)]
    whole = Steps([alike], [Below("one", False, Steps([alike], [])), Below("all", True, Steps([alike], []))])
    pair, shared = {"a": 1, "b": None}, {"a": 1, "b": 1}
    found = unshared(whole, {**pair, "one": None, "all": [pair.copy(), pair.copy()]})
    assert found == {**shared, "one": None, "all": [shared, shared]}
    assert unshared(None, {"a": 1, "b": None}) == pair


@pytest.mark.parametrize("fails", [never, lambda value, info: info.nothing])
async def test_where_one_fails_the_others_are_not_waited_for(fails: Any):
    """One that is never awaited would be warned of, which ends a test."""
    with pytest.raises((ValueError, AttributeError)):
        await finished(steps(a=soon, b=fails, c=soon), {"a": 1, "b": 2, "c": 3}, 10)
