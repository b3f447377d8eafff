"""Payloads of all the shop's mutations are completed as graphql-core completes them: their values are drawn anew in
each run, which `LAYETTE_TEST_SEED` repeats."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pytest
from graphql import GraphQLEnumType, GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type, is_leaf_type

from reads import calls, shown
from reads import engine as engines
from reads.declare import ENTITIES, Referenced, field_reads
from reads.engine import Engine
from reads.entities import strawberry_field
from reads.mutation import Mutation
from reads.operations import Operation
from resolvers.root import core_schema, open_engine
from schema.upload import UploadedFile
from tests.support import inputs
from tests.support.parcels import Asking

SEED = os.environ["LAYETTE_TEST_SEED"]
ROOT = core_schema().mutation_type
assert ROOT is not None
TIMES = 3

VALUES: dict[str, tuple[Any, ...]] = {
    "String": ("", 'a "word"', "ß\u2028"),
    "ID": ("crt_1",),
    "Int": (0, -(2**31), 2**31 - 1),
    "Boolean": (True, False),
    "Decimal": (Decimal("19.90"), Decimal("1E+3")),
    "DateTime": (datetime(2026, 3, 1, 12, tzinfo=UTC),),
    "Date": (date(2026, 3, 1),),
}


def is_entity(type_: Any) -> bool:
    return isinstance(type_, GraphQLObjectType) and type_.extensions["strawberry-definition"].origin in ENTITIES


def shows(type_: GraphQLObjectType) -> Iterator[tuple[str, Any]]:
    """The fields that can be asked for: an entity that is not the payload's own is read otherwise."""
    for name, field in type_.fields.items():
        if not is_entity(get_named_type(field.type)) or isinstance(
            field_reads(strawberry_field(type_, name)), Referenced
        ):
            yield name, field


def selection(type_: Any) -> str:
    if is_entity(type_):
        return "{ __typename }"
    return f"{{ __typename {' '.join(name + ' ' + below(field.type) for name, field in shows(type_))} }}"


def below(type_: Any) -> str:
    return "" if is_leaf_type(get_named_type(type_)) else selection(get_named_type(type_))


def drawn(random: Random, type_: Any) -> Any:
    """A value as a resolver gives it; an entity is absent."""
    if isinstance(type_, GraphQLNonNull):
        return given(random, type_.of_type)
    return None if random.random() < 0.3 else given(random, type_)


def given(random: Random, type_: Any) -> Any:
    if isinstance(type_, GraphQLList):
        return [drawn(random, type_.of_type) for _ in range(random.randrange(3))]
    if isinstance(type_, GraphQLEnumType):
        return random.choice(list(type_.extensions["strawberry-definition"].wrapped_cls))
    if not isinstance(type_, GraphQLObjectType):
        return random.choice(VALUES[type_.name])
    if is_entity(type_):
        return None
    values = {strawberry_field(type_, name).python_name: drawn(random, one.type) for name, one in type_.fields.items()}
    return type_.extensions["strawberry-definition"].origin(**values)


@dataclass
class Given:
    """What resolvers answer, and how many were asked."""

    payload: Any = None
    asked: int = 0

    def begin(self, info: Any, arguments: Any) -> Any:
        self.asked += 1
        return self.payload


@pytest.fixture
def given_payload(monkeypatch: pytest.MonkeyPatch) -> Given:
    found = Given()
    monkeypatch.setattr(calls, "_begin", lambda field, declared: found.begin)
    return found


@pytest.fixture
def engine() -> Engine:
    """Whoever asks may do everything."""
    shop = open_engine()
    allowed = replace(shop.permissions, denial=lambda *_: None, operation_denial=lambda *_: None)
    return Engine(core_schema(), shop.sources, allowed)


def asked(engine: Engine, payload: Given) -> Iterator[tuple[str, Operation, dict[str, Any]]]:
    """Every mutation some times, each with another payload."""
    assert ROOT is not None
    for name, field in ROOT.fields.items():
        random, type_ = Random(f"{SEED}/{name}"), get_named_type(field.type)
        text = inputs.operation(name, field).replace(f"{{ {inputs.selection(field)} }}", selection(type_))
        variables = inputs.variables(field, lambda name: name)
        if "file" in variables:
            variables["file"] = UploadedFile(b"")
        for _ in range(TIMES):
            payload.payload = given(random, type_)
            yield name, engine.prepare(text, None), variables


async def answer(engine: Engine, operation: Operation, variables: dict[str, Any]) -> bytes:
    result = await engine.execute(operation, variables, Asking(engine))
    return orjson.dumps([result.data, [one.formatted for one in result.errors or ()]])


async def unfinished(self: Mutation, *_: Any) -> Any:
    raise shown.Unfinished


async def differences(engine: Engine, payload: Given) -> list[str]:
    wrong = []
    for name, operation, variables in asked(engine, payload):
        ours = await answer(engine, operation, variables)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Mutation, "_completed", unfinished)
            by_core = await answer(engine, operation, variables)
        if ours != by_core or not ours.endswith(b",[]]"):
            wrong.append(f"{name}: {ours} is not {by_core}")
    return wrong


async def test_payloads_of_all_mutations_are_those_of_graphql_core(engine: Engine, given_payload: Given):
    wrong = await differences(engine, given_payload)
    assert not wrong, (SEED, wrong[:3])
    assert ROOT is not None
    assert given_payload.asked == 2 * TIMES * len(ROOT.fields)


async def test_no_payload_is_left_to_graphql_core(
    engine: Engine, given_payload: Given, monkeypatch: pytest.MonkeyPatch
):
    def go_on(executor: Any) -> Any:
        raise AssertionError(executor.operation)

    monkeypatch.setattr(engines, "execute_root_selection_set", go_on)
    for _, operation, variables in asked(engine, given_payload):
        await answer(engine, operation, variables)
    assert given_payload.asked > TIMES


async def test_a_payload_that_is_another_is_found(
    engine: Engine, given_payload: Given, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shown, "_scalar", lambda type_: str)
    assert await differences(engine, given_payload), SEED
