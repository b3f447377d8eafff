"""A subquery in a declared condition is about the rows that it was given, and reads none of their tables anew.

SQLAlchemy takes a table that an inner SELECT names from the SELECT right around it, and adds one from further out to
the inner FROM, where the condition holds for any row: `correlate_except` in a declaration names the subquery's own.
Both ways of reading have such a fault from the same declaration, so comparing them does not find it.
"""

import re
from collections import Counter
from uuid import UUID

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from auth.permissions import denial
from auth.viewer import Viewer, ViewerKind
from reads.declare import ENTITIES, Computed, field_readers, field_reads
from reads.engine import Engine
from reads.entities import Aliases, strawberry_field
from resolvers.root import core_schema, open_engine
from schema.customer import Customer
from schema.order import Order

OWNER = Viewer(ViewerKind.CUSTOMER, UUID(int=1), UUID(int=2), b"digest")
DEEPEST = 4
IN_A_FROM = re.compile(r" AS (t\d+_\w+)\b")


def fields_of(type_name: str, depth: int = DEEPEST) -> str:
    """Everything of a type that a statement answers its owner, some levels deep."""
    found = core_schema().get_type(type_name)
    assert isinstance(found, GraphQLObjectType)
    selected = ["__typename"]
    for name, field in found.fields.items():
        inner = get_named_type(field.type)
        declared = strawberry_field(found, name)
        if isinstance(field_reads(declared), Computed) or denial(field_readers(declared), OWNER.access) is not None:
            continue
        if is_leaf_type(inner):
            selected.append(name)
        elif depth > 1:
            page = "(first: 2)" if "first" in field.args else ""
            selected.append(f"{name}{page} {{ {fields_of(inner.name, depth - 1)} }}")
    return " ".join(selected)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine()


def sql_of(engine: Engine, query: str) -> str:
    operation = engine.prepare(query, None)
    values = operation.coerce(engine.schema, {})
    assert values is not None
    compiled = engine.compiled(operation, values, {}, OWNER)
    assert compiled is not None, query
    return compiled.statement.sql


@pytest.mark.parametrize(
    ("query", "type_name"),
    [
        ("{ me { %s } }", "Customer"),
        ('{ product(slug: "x") { %s } }', "Product"),
        ("{ products(first: 2) { edges { %s } } }", "ProductEdge"),
        ("{ categories { %s } }", "Category"),
        ('{ order(id: "ord_00000000000000000000000000000001") { %s } }', "Order"),
    ],
)
def test_no_subquery_reads_a_table_around_it_anew(engine: Engine, query: str, type_name: str):
    introduced = Counter(IN_A_FROM.findall(sql_of(engine, query % fields_of(type_name))))
    assert introduced
    assert {alias for alias, count in introduced.items() if count > 1} == set()


def test_rows_of_one_table_are_told_apart_in_a_statement():
    accounts, orders = (ENTITIES[one].table for one in (Customer, Order))
    aliases = Aliases()
    assert [aliases.of(table).name for table in (accounts, orders, accounts)] == [
        "t0_account",
        "t0_orders",
        "t1_account",
    ]


def test_table_by_another_name_is_made_once():
    accounts = ENTITIES[Customer].table
    assert Aliases().of(accounts) is Aliases().of(accounts)
