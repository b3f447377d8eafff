from importlib import import_module, util

import pytest

from privacy.promises import PROMISES, Promise


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_what_keeps_a_promise_exists(promise: Promise):
    for name in promise.enforced_by:
        module, _, attribute = name.rpartition(".")
        if util.find_spec(name if "." not in name else module) and hasattr(import_module(module), attribute):
            continue
        import_module(name)


def test_each_promise_stands_once():
    ids = [promise.id for promise in PROMISES]
    assert ids == sorted(set(ids), key=lambda one: int(one[1:]))
