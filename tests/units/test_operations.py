"""Documents from outside: which are refused, what of their variables decides about a plan, what plans are shared."""

from typing import Any

import pytest
from graphql import parse

from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from reads.engine import Engine
from reads.operations import Operation, RequestErrors
from resolvers.root import open_engine

PRODUCTS = "query ($first: Int!, $sort: ProductSort, $search: String, $with: Boolean!, $filter: ProductFilter) { "
PRODUCTS += "products(first: $first, sort: $sort, filter: $filter) { totalCount @include(if: $with) } "
PRODUCTS += "other: products(first: 1, filter: {search: $search}) { totalCount } }"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine()


@pytest.fixture
def operation(engine: Engine) -> Operation:
    return engine.prepare(PRODUCTS, None)


def codes(refused: pytest.ExceptionInfo[RequestErrors]) -> set[Any]:
    return {(error.extensions or {}).get("code") for error in refused.value.errors}


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        ("{ products", None, "GRAPHQL_PARSE_FAILED"),
        ("", None, "GRAPHQL_PARSE_FAILED"),
        ("{ brands { nope } }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { brands { id } } query B { brands { id } }", None, "OPERATION_RESOLUTION_FAILURE"),
        ("query A { brands { id } }", "B", "OPERATION_RESOLUTION_FAILURE"),
        ("fragment F on Brand { id }", None, "OPERATION_RESOLUTION_FAILURE"),
    ],
)
def test_wrong_document_is_refused_with_a_code(engine: Engine, text: str, name: str | None, code: str):
    with pytest.raises(RequestErrors) as refused:
        engine.prepare(text, name)
    assert codes(refused) == {code}


def test_document_is_prepared_once(engine: Engine):
    assert engine.prepare("{ brands { id } }", None) is engine.prepare("{ brands { id } }", None)


def test_one_of_several_operations_is_chosen(engine: Engine):
    text = "query A { brands { id } } mutation B { signOut { signedOut } }"
    assert engine.prepare(text, "A").kind.value == "query"
    assert engine.prepare(text, "B").kind.value == "mutation"


def test_shape_tells_null_from_what_is_not_sent(operation: Operation):
    shapes = [operation.shape(values) for values in ({"with": True}, {"with": True, "sort": None})]
    assert shapes[0] != shapes[1]


def test_shape_holds_what_the_plan_depends_on_and_no_more(operation: Operation):
    base = {"first": 3, "with": True, "sort": "NEWEST", "search": "linen", "filter": {"size": "S"}}

    def changed(**values: Any) -> bool:
        return operation.shape(base | values) != operation.shape(base)

    assert changed(sort="RATING")
    assert changed(**{"with": False})
    assert changed(search=None)
    assert changed(filter={"size": "S", "brand": "x"})
    assert changed(filter={"audience": "BABY"})
    assert not changed(first=7)
    assert not changed(search="cotton")
    assert not changed(filter={"size": "M"})
    assert not changed(filter={"size": "S", "brand": None})


@pytest.mark.parametrize(
    ("variables", "right"),
    [
        ({"first": 3, "with": True}, True),
        ({"first": 3.0, "with": True}, True),
        ({"first": 2**31, "with": True}, False),
        ({"first": "3", "with": True}, False),
        ({"first": True, "with": True}, False),
        ({"with": True}, False),
        ({"first": 3, "with": 1}, False),
        ({"first": 3, "with": True, "search": 7}, False),
        ({"first": 3, "with": True, "sort": "BEST"}, False),
        ({"first": 3, "with": True, "filter": {"nope": 1}}, False),
    ],
)
def test_variables_are_coerced_as_graphql_core_does(
    engine: Engine, operation: Operation, variables: dict[str, Any], right: bool
):
    coerced = operation.coerce(engine.schema, variables)
    other = operation.coerce_all(engine.schema, variables)
    assert (coerced is not None) == right == (not isinstance(other, list))
    if coerced is not None and not isinstance(other, list):
        assert dict(coerced) == other.coerced


def compiled(engine: Engine, text: str, viewer: Viewer = ANONYMOUS, **variables: Any) -> Any:
    operation = engine.prepare(text, None)
    values = operation.coerce(engine.schema, variables)
    assert values is not None
    return engine.compiled(operation, values, variables, viewer)


def test_plan_is_shared_by_whatever_fits_its_shape(engine: Engine):
    text = "query ($first: Int!) { products(first: $first) { totalCount } }"
    assert compiled(engine, text, first=1) is compiled(engine, text, first=2)


def test_plan_is_not_shared_between_kinds_of_callers(engine: Engine):
    text = "{ me { email } }"
    customer = Viewer(ViewerKind.CUSTOMER, token_digest=b"x")
    assert compiled(engine, text) is not compiled(engine, text, customer)
    assert (compiled(engine, text).public, compiled(engine, text, customer).public) == (False, False)


def test_answer_is_public_only_where_it_is_the_same_for_everyone(engine: Engine):
    assert compiled(engine, "{ products(first: 1) { totalCount } }").public
    assert compiled(engine, "{ node(id: 1) { id } }").public is False
    assert compiled(engine, '{ order(id: "x") { number } }').public is False


@pytest.mark.parametrize("width", [30, 250, 600])
def test_wide_selection_is_compiled(engine: Engine, width: int):
    fields = " ".join(f"a{number}: name" for number in range(width))
    assert compiled(engine, f"{{ brands {{ {fields} }} }}") is not None


def test_statement_that_nests_too_deeply_is_left_to_the_reference_way(engine: Engine):
    text = "slug"
    for level in range(60):
        text = f"{' '.join(f'a{level}x{number}: name' for number in range(8))} children {{ {text} }}"
    assert compiled(engine, f"{{ categories {{ {text} }} }}") is None


def test_literal_of_the_document_is_part_of_no_statement(engine: Engine):
    found = compiled(engine, '{ products(first: 7, filter: {search: "o\'clock"}) { totalCount } }')
    assert "clock" not in found.statement.sql


def test_engine_takes_a_document_that_is_parsed_already():
    parsed: list[str] = []

    def parse_once(text: str) -> Any:
        parsed.append(text)
        return parse(text)

    engine = open_engine(parse_once)
    engine.prepare("{ brands { id } }", None)
    assert parsed == ["{ brands { id } }"]
