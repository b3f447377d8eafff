import re
from functools import cache
from importlib import import_module, util
from pathlib import Path

import pytest

from privacy.promises import PROMISES, Promise


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_what_keeps_a_promise_exists(promise: Promise):
    for name in promise.enforced_by:
        module, _, attribute = name.rpartition(".")
        if util.find_spec(name if "." not in name else module) and hasattr(import_module(module), attribute):
            continue
        import_module(name)


TESTS = Path(__file__).parents[1]


@cache
def carried() -> frozenset[str]:
    """The promises that a test names, in its own name or in what it says of itself."""
    texts = [file.read_text() for file in TESTS.rglob("test_*.py") if file != Path(__file__)]
    return frozenset(f"P{number}" for text in texts for number in re.findall(r"(?:\bP|\btest_p)(\d+)(?=\b|_)", text))


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_a_test_carries_the_promise(promise: Promise):
    assert promise.id in carried()


def test_each_promise_stands_once():
    ids = [promise.id for promise in PROMISES]
    assert ids == sorted(set(ids), key=lambda one: int(one[1:]))
