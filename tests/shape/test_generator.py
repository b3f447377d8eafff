"""The operations that are drawn reach what the schema has: of what is never asked for a comparison proves nothing."""

from random import Random
from typing import Any

from graphql import (
    FieldNode,
    GraphQLNamedType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    get_operation_ast,
    parse,
    validate,
    visit,
)

from reads.declare import field_reads
from reads.entities import strawberry_field
from resolvers.root import core_schema
from tests.support.operations import Generated, Generator, Samples

OPERATIONS = 1800
SAMPLES = Samples({"prd": ["prd_" + "0" * 32]}, {})


def drawn(count: int) -> list[Generated]:
    return [Generator(core_schema(), SAMPLES, Random(seed), lambda declared: True).operation() for seed in range(count)]


class Reached(Visitor):
    """Fields by type, arguments by field, directives with literals and variables."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info, self.fields, self.arguments = info, set[str](), set[str]()
        self.kinds: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent: Any = self.info.get_parent_type()
        place = f"{parent.name}.{node.name.value}"
        self.fields.add(place)
        self.arguments |= {f"{place}({one.name.value})" for one in node.arguments or ()}
        for directive in node.directives or ():
            self.kinds |= {f"@{directive.name.value} {one.value.kind}" for one in directive.arguments or ()}
        self.kinds |= {"alias"} if node.alias else set()

    def enter(self, node: Any, *_: Any) -> None:
        self.kinds.add(node.kind)


def reached(operations: list[Generated]) -> Reached:
    info = TypeInfo(core_schema())
    found = Reached(info)
    for one in operations:
        visit(parse(one.text), TypeInfoVisitor(info, found))
    return found


def declared() -> tuple[set[str], set[str]]:
    """Fields and arguments of everything that a query may lead to through declarations."""
    fields, arguments, seen = set[str](), set[str](), set[str]()
    query = core_schema().query_type
    assert query is not None
    waiting: list[GraphQLNamedType] = [query]
    while waiting:
        type_: Any = waiting.pop()
        if type_.name in seen or not hasattr(type_, "fields"):
            continue
        seen.add(type_.name)
        for name, field in type_.fields.items():
            if type_ is query and field_reads(strawberry_field(query, name)) is None:
                continue
            fields.add(f"{type_.name}.{name}")
            arguments |= {f"{type_.name}.{name}({argument})" for argument in field.args}
            waiting.append(get_named_type(field.type))
    return fields, arguments


def test_operations_are_valid_documents():
    for one in drawn(150):
        document = parse(one.text)
        assert validate(core_schema(), document) == [], one.text
        assert get_operation_ast(document) is not None


def test_operations_ask_for_every_field_and_argument():
    found = reached(drawn(OPERATIONS))
    fields, arguments = declared()
    assert len(fields) > 150
    assert len(fields - found.fields) <= len(fields) / 50, sorted(fields - found.fields)
    assert len(arguments - found.arguments) <= len(arguments) / 20, sorted(arguments - found.arguments)


def test_operations_use_the_whole_language_of_queries():
    assert reached(drawn(OPERATIONS)).kinds >= {
        "alias",
        "fragment_spread",
        "inline_fragment",
        "fragment_definition",
        "object_value",
        "list_value",
        "enum_value",
        "null_value",
        "@skip boolean_value",
        "@skip variable",
        "@include boolean_value",
        "@include variable",
    }


def test_variables_are_sent_null_and_left_out():
    sets = [variables for one in drawn(OPERATIONS) for variables in one.variables]
    assert any(None in variables.values() for variables in sets)
    pairs = [(one.variables[0], one.variables[1]) for one in drawn(OPERATIONS) if len(one.variables) > 1]
    assert any(set(first) != set(second) for first, second in pairs)


def test_a_seed_repeats_its_operations():
    assert drawn(20) == drawn(20)
