"""Limits on documents hold before validation, are linear, and leave ordinary clients alone."""

from time import process_time
from typing import Any

import pytest
from graphql import GraphQLError, OperationType, get_introspection_query

from app.limits import Bounds, Limits, nested_deeper

QUERY = OperationType.QUERY


def admit(text: str, variables: dict[str, Any] | None = None, name: str | None = None, limits: Limits | None = None):
    return Bounds(limits).admit(text, name, variables or {})


def refused(text: str, variables: dict[str, Any] | None = None, code: str = "QUERY_TOO_COMPLEX") -> str:
    with pytest.raises(GraphQLError) as caught:
        admit(text, variables)
    assert caught.value.extensions is not None
    assert caught.value.extensions["code"] == code
    return caught.value.message


def nested(field: str, times: int) -> str:
    return f"{{ {field} " * times + "{ id }" + "}" * times


def test_depth_is_bounded():
    assert admit(nested("a", 14)).kind is QUERY
    refused(nested("a", 15))


def test_depth_counts_through_fragments():
    chain = " ".join(f"fragment F{n} on T {{ a {{ ...F{n + 1} }} }}" for n in range(14))
    assert admit(f"{{ ...F0 }} {chain} fragment F14 on T {{ id }}").kind is QUERY
    refused(f"{{ b {{ ...F0 }} }} {chain} fragment F14 on T {{ id }}")


def test_depth_of_a_fragment_that_nothing_spreads_is_bounded():
    refused(f"{{ a }} fragment F on T {nested('a', 16)}")


def test_aliases_are_bounded():
    def aliased(count: int) -> str:
        return "{ x { " + " ".join(f"a{n}: b" for n in range(count)) + " } }"

    assert admit(aliased(30)).kind is QUERY
    refused(aliased(31))


def test_aliases_in_a_fragment_count_each_time_it_is_spread():
    fragment = "fragment F on T { " + " ".join(f"a{n}: b" for n in range(10)) + " }"
    assert admit("{ x { ...F } y { ...F } z { ...F } } " + fragment).kind is QUERY
    refused("{ x { ...F } y { ...F } z { ...F } w { ...F } } " + fragment)


def test_root_fields_are_bounded_and_fewer_in_mutations():
    assert admit("{ " + "a " * 20 + "}").kind is QUERY
    refused("{ " + "a " * 21 + "}")
    assert admit("mutation { " + "a " * 5 + "}").kind is OperationType.MUTATION
    refused("mutation { " + "a " * 6 + "}")
    refused("mutation { a ... { b c d } ...F } fragment F on Mutation { e f }")


def test_operations_are_bounded():
    assert admit(" ".join(f"query Q{n} {{ a }}" for n in range(10)), name="Q3").kind is QUERY
    refused(" ".join(f"query Q{n} {{ a }}" for n in range(11)))


def test_brackets_are_counted_outside_strings_and_comments_alone():
    assert not nested_deeper('{ a(b: "[[[[[[") # ((((((\n }', 2)
    assert not nested_deeper('{ a(b: """[[[ \\""" [[[ " [[[""") }', 2)
    assert nested_deeper("{ a(b: [1]) }", 2)
    assert not nested_deeper("{ a(b: [1]) } " * 50, 3)


def test_values_are_bounded_in_depth_too():
    refused("{ a(b: " + "[" * 40 + "]" * 40 + ") }")


def test_tokens_and_comments_are_bounded():
    for text in ("{ a " + "b " * 2000 + "}", "#\n" * 501 + "{ a }"):
        with pytest.raises(GraphQLError, match="Syntax Error"):
            admit(text)


@pytest.mark.parametrize("size", ["first: 100", "last: 100", "ids: [" + '"a" ' * 100 + "]", "first: 99999999999"])
def test_cost_multiplies_with_the_sizes_of_pages(size: str):
    fields = " ".join(f"f{n}" for n in range(40))
    assert admit(f"{{ a(first: 10) {{ b({size}) {{ c }} }} }}").kind is QUERY
    refused(f"{{ a(first: 10) {{ b({size}) {{ {fields} }} }} }}")


def test_cost_follows_the_variables():
    text = "query ($first: Int!, $ids: [ID!]) { a(first: $first) { b(ids: $ids) { c d e } } }"
    assert admit(text, {"first": 24, "ids": ["a"] * 100}).kind is QUERY
    assert admit(text, {"first": 100, "ids": ["a"] * 10}).kind is QUERY
    for variables in (
        {"first": 100, "ids": ["a"] * 100},
        {"first": "many", "ids": ["a"] * 100},
        {"first": 10**15, "ids": ["a"] * 100},
    ):
        refused(text, variables)


def test_cost_takes_the_defaults_of_variables():
    text = "query ($n: Int = %s) { a(first: $n) { b(first: $n) { c d e } } }"
    assert admit(text % "24").kind is QUERY
    assert admit(text % "24", {"n": None}).kind is QUERY
    refused(text % "24", {"n": 100})
    refused(text % "100")


def test_known_operation_is_weighed_anew_for_other_sizes():
    bounds = Bounds()
    text = "query ($n: Int!) { a(first: $n) { b(first: $n) { c d e } } }"
    for _ in range(2):
        assert bounds.admit(text, None, {"n": 24}).kind is QUERY
        with pytest.raises(GraphQLError):
            bounds.admit(text, None, {"n": 100})


def test_standard_introspection_is_admitted_once_a_request():
    query = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    assert admit(query).kind is QUERY
    root = query[query.index("{") + 1 : query.index("fragment FullType")].rstrip().removesuffix("}")
    doubled = query.replace(root, f"{root} again: {root.strip()}")
    refused(doubled)


def test_wider_introspection_is_refused():
    aliased = " ".join(f"a{n}: type {{ ofType {{ ofType {{ name kind description }} }} }}" for n in range(30))
    refused(f"{{ __schema {{ types {{ fields {{ {aliased} }} }} }} }}")


def test_fragments_that_double_each_time_are_weighed_once_each():
    chain = " ".join(f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} }}" for n in range(50))
    before = process_time()
    refused(f"{{ a(first: 3) {{ ...F0 }} }} {chain} fragment F50 on T {{ id }}")
    assert process_time() - before < 1


def test_long_chain_of_fragments_is_refused_not_followed():
    chain = " ".join(f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(200))
    refused(f"{{ ...F0 }} {chain} fragment F200 on T {{ id }}")


def test_fragments_in_a_circle_are_left_to_validation():
    assert admit("{ ...A } fragment A on T { b { ...B } } fragment B on T { a { ...A } }").kind is QUERY


@pytest.mark.parametrize("opening", ['"', '"""', "#", '"\\', "{" * 40 + "}" * 40])
def test_brackets_are_counted_in_linear_time(opening: str):
    before = process_time()
    assert not nested_deeper(opening * 40_000, 50)
    assert process_time() - before < 1


def test_string_literals_are_noticed():
    assert admit('{ a(b: "c") }').spells_strings
    assert admit('query ($b: String = "c") { a(b: $b) }').spells_strings
    assert not admit("query ($b: String) { a(b: $b, c: 1, d: E) } # comment").spells_strings


@pytest.mark.parametrize(
    "text",
    [
        '{ a(b: "4111 1111 1111 1111") }',
        '{ a(b: "\\u0034111111111111111") }',
        '{ a(b: {c: ["""4111-1111-1111-1111"""]}) }',
        "{ a(b: 4111111111111111) }",
        "{ a } # 4111111111111111",
        '{ a } fragment F on T { b(c: "4111111111111111") }',
        'query ($a: String = "4111111111111111") { b(c: $a) }',
    ],
)
def test_card_number_in_a_document_is_refused(text: str):
    refused(text, code="CARD_NUMBER_REFUSED")


def test_document_that_was_refused_is_not_remembered():
    bounds = Bounds()
    for _ in range(2):
        with pytest.raises(GraphQLError):
            bounds.admit("{ " + "a " * 21 + "}", None, {})


def test_document_just_admitted_is_parsed_once():
    bounds = Bounds()
    text = "{ a }"
    bounds.admit(text, None, {})
    assert bounds.parse(text) is bounds.parse(text)


def test_memory_of_documents_is_bounded():
    bounds = Bounds(memory=100_000)
    for number in range(2000):
        bounds.admit(f"query Q{number} {{ a }}", None, {})
    assert bounds.remembered < 100_000 // 500


def test_branches_of_a_selection_are_bounded_through_fragments_too():
    assert admit("{ a { " + "b { c } " * 64 + "} }").kind is QUERY
    refused("{ a { " + "b { c } " * 65 + "} }")
    refused("{ a { " + "...F " * 7 + "} } fragment F on T { " + "b { c } " * 10 + "}")
    refused("{ a { ... { " + "b { c } " * 33 + "} ... on T { " + "b { c } " * 33 + "} } }")
    refused("{ a } fragment F on T { " + "b { c } " * 65 + "}")
