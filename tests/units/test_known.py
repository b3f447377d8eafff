"""Roots that are made of what the process knows."""

from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry

from auth.permissions import ANYONE, OWNER
from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from models.ids import new_id
from reads.declare import known, value
from reads.engine import Compiled, Engine
from reads.verify import complaints
from resolvers.root import open_engine
from tests.support.toy_schema import listed, schema_with, shape

CUSTOMER = Viewer(ViewerKind.CUSTOMER, new_id(), new_id(), b"digest")


def told(facts: Any, times: int | None = None) -> Any:
    return SimpleNamespace(words=facts * (times or 1), secret="s")


def compiled(query: str, viewer: Viewer, **fields: Any) -> Compiled | None:
    shop = open_engine()
    engine = Engine(schema_with(**fields), shop.sources, shop.permissions, facts="it's so%")
    return engine.compiled(engine.prepare(query, None), {}, {}, viewer)


def test_value_is_made_of_facts_and_arguments(toy_types: None):
    words = shape("Words", words=str)
    said = (words, known(told, arguments={"times": (int | None, strawberry.UNSET)}))
    found = compiled("{ a: said { words } b: said(times: 2) { words } }", ANONYMOUS, said=said)
    assert found is not None
    assert found.public
    assert found.statement.arguments({}, ANONYMOUS) == ['{"words":"it\'s so%"}', '{"words":"it\'s so%it\'s so%"}']


def test_root_for_some_is_public_to_nobody(toy_types: None):
    said = (shape("Words", words=str), known(told, readers=OWNER))
    assert compiled("{ said { words } }", ANONYMOUS, said=said) is None
    found = compiled("{ said { words } }", CUSTOMER, said=said)
    assert found is not None
    assert (found.public, found.statement.owned) == (False, True)


def test_field_for_some_is_public_to_nobody(toy_types: None):
    @value(readers=ANYONE)
    class Words:
        words: str
        secret: str = strawberry.field(metadata={"readers": OWNER})

    def public_to(viewer: Viewer, field: str) -> bool | None:
        found = compiled(f"{{ said {{ {field} }} }}", viewer, said=(Words, known(told)))
        return None if found is None else found.public

    assert public_to(ANONYMOUS, "words") is public_to(CUSTOMER, "words") is True
    assert public_to(ANONYMOUS, "secret") is None
    assert public_to(CUSTOMER, "secret") is False


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize("type_", [strawberry.enum(Colour), listed(str), Decimal])
def test_argument_that_is_no_plain_value_is_refused(toy_types: None, type_: Any):
    said = (str, known(told, arguments={"by": (type_ | None, strawberry.UNSET)}))
    assert list(complaints(schema_with(said=said))) == ["Query.said(by) is no text, number or boolean"]
