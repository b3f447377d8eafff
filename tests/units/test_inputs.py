"""What clients send becomes what resolvers take, as graphql-core and strawberry make it: variables are drawn anew in
each run, for every operation with arguments. `LAYETTE_TEST_SEED` repeats a run."""

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import strawberry
from graphql import GraphQLField, GraphQLInputObjectType, GraphQLNonNull, Undefined
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from strawberry.types.arguments import convert_arguments

from reads import coercion, inputs
from reads.coercion import Unsure
from reads.engine import Engine
from reads.entities import strawberry_field
from reads.inputs import CannotMake, maker
from reads.operations import Operation
from resolvers.root import SCHEMA, core_schema, open_engine
from tests.support.sent import drawn, fields_with_arguments, operation_of

SEED = os.environ["LAYETTE_TEST_SEED"]
FIELDS = {name: (kind, field) for kind, name, field in fields_with_arguments(core_schema())}
TIMES = 25


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine()


@pytest.fixture
def forgetful() -> Iterator[None]:
    """What was made of types is forgotten before and after."""
    caches = coercion.known, inputs.known
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def by_core(engine: Engine, operation: Operation, sent: dict[str, Any]) -> Any:
    return get_variable_values(engine.schema, operation.node.variable_definitions or (), sent, hide_suggestions=True)


def differences(engine: Engine) -> tuple[list[str], int]:
    """Where the variables are other than graphql-core's, or nothing is said of right ones; and how many were right."""
    wrong: list[str] = []
    right = 0
    for name, (kind, field) in FIELDS.items():
        random = Random(f"{SEED}/{name}")
        operation = engine.prepare(operation_of(kind, name, field), None)
        for _ in range(TIMES):
            sent = drawn(random, field.args)
            wanted = by_core(engine, operation, sent)
            try:
                found: Any = operation.coerced(sent)
            except Unsure:
                continue
            right += 1
            if isinstance(wanted, list) or as_text(found) != as_text(wanted):
                wrong.append(f"{name} {sent}: {found} is not {wanted}")
    return wrong, right


def as_text(values: VariableValues) -> str:
    """With the order of what lies in objects, on which the shapes of plans depend."""
    return repr((values.coerced, {name: one.value for name, one in values.sources.items()}))


def test_variables_are_those_of_graphql_core(engine: Engine):
    wrong, right = differences(engine)
    assert not wrong, (SEED, wrong[:3])
    assert right > 0.5 * TIMES * len(FIELDS)


def without_defaults(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(coercion, "coerce_default_value", lambda field: Undefined)


def as_it_is_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(coercion, "_leaf", lambda type_: lambda value: value)


def nothing_is_required(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(coercion, "_required", lambda coerce: coerce)


def in_the_order_of_the_client(patch: pytest.MonkeyPatch) -> None:
    make = coercion._object

    def of(type_: GraphQLInputObjectType) -> Any:
        coerce = make(type_)

        def coerced(value: Any) -> Any:
            found = coerce(value)
            return found and {name: found[name] for name in sorted(found, key=[*value, *found].index)}

        return coerced

    patch.setattr(coercion, "_object", of)


@pytest.mark.parametrize("fault", [without_defaults, as_it_is_sent, nothing_is_required, in_the_order_of_the_client])
def test_variables_that_are_others_are_found(fault: Any, forgetful: None, monkeypatch: pytest.MonkeyPatch):
    fault(monkeypatch)
    wrong, _ = differences(open_engine())
    assert wrong, SEED


# ---- what resolvers take


def taken(engine: Engine) -> Iterator[tuple[str, GraphQLField, Any, dict[str, Any]]]:
    """Mutations with arguments that are right."""
    root = engine.schema.mutation_type
    assert root is not None
    for name, (kind, field) in FIELDS.items():
        operation = engine.prepare(operation_of(kind, name, field), None)
        node: Any = operation.node.selection_set.selections[0]
        random = Random(f"{SEED}/{name}")
        for _ in range(TIMES if kind == "mutation" else 0):
            values = by_core(engine, operation, drawn(random, field.args))
            if isinstance(values, VariableValues):
                yield name, field, strawberry_field(root, name), get_argument_values(field, node, values)


def by_makers(field: GraphQLField, arguments: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in arguments.items():
        declared = field.args[name].extensions["strawberry-definition"]
        make = maker(field.args[name].type, declared.type)
        found[declared.python_name] = value if make is None else make(value)
    return found


def unlike_strawberry(engine: Engine) -> tuple[list[str], int]:
    wrong, count = [], 0
    for name, field, declared, arguments in taken(engine):
        wanted = convert_arguments(
            arguments, declared.arguments, scalar_registry=SCHEMA.schema_converter.scalar_registry, config=SCHEMA.config
        )
        found, count = by_makers(field, arguments), count + 1
        if found != wanted or repr(found) != repr(wanted):
            wrong.append(f"{name}: {found} is not {wanted}")
    return wrong, count


def test_resolvers_take_what_strawberry_gives_them(engine: Engine):
    wrong, count = unlike_strawberry(engine)
    assert not wrong, (SEED, wrong[:3])
    assert count > 5 * len(FIELDS)


def objects_are_as_they_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inputs, "known", lambda type_: None)


def lists_are_as_they_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inputs, "_list", lambda item: None)


@pytest.mark.parametrize("fault", [objects_are_as_they_are, lists_are_as_they_are])
def test_inputs_that_are_others_are_found(fault: Any, forgetful: None, monkeypatch: pytest.MonkeyPatch):
    fault(monkeypatch)
    wrong, _ = unlike_strawberry(open_engine())
    assert wrong, SEED


def test_lists_are_new_ones():
    """A default belongs to everybody: who changes it would change it for all."""
    type_ = core_schema().type_map["CartDiscountCodesUpdateInput"]
    make = maker(type_, None)
    assert make is not None
    given = {"cartId": "crt_1", "codes": ["A"]}
    assert make(given).codes == given["codes"]
    assert make(given).codes is not given["codes"]


# ---- what only graphql-core and strawberry know


@strawberry.input
class Leaf:
    word: str = "w"


@strawberry.input
class Nest:
    nests: "list[Nest] | None" = strawberry.UNSET
    leaf: Leaf | None = None


@strawberry.input(one_of=True)
class Choice:
    a: str | None = strawberry.UNSET
    b: str | None = strawberry.UNSET


@strawberry.input
class Perhaps:
    word: strawberry.Maybe[str]


@strawberry.type
class Query:
    @strawberry.field
    def nest(self, nest: Nest, choice: Choice, perhaps: Perhaps) -> int:
        return 1


TOY: Any = strawberry.Schema(Query)._schema


@pytest.mark.parametrize(("name", "sent"), [("Nest", {}), ("Choice", {"a": "x", "b": "y"}), ("Choice", {"a": None})])
def test_objects_within_each_other_and_wrong_choices_are_left_to_graphql_core(name: str, sent: dict[str, Any]):
    coerce = coercion.coercer(GraphQLNonNull(TOY.type_map[name]))
    with pytest.raises(Unsure):
        coerce(sent)


@pytest.mark.parametrize("name", ["Nest", "Perhaps"])
def test_inputs_that_strawberry_alone_makes_are_not_made(name: str):
    with pytest.raises(CannotMake):
        maker(TOY.type_map[name], None)
    argument = TOY.query_type.fields["nest"].args[name.lower()]
    with pytest.raises(CannotMake):
        maker(argument.type, argument.extensions["strawberry-definition"].type)
