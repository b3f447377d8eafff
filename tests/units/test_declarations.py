"""Declarations that could not be read rightly are refused before the engine starts, each by name."""

from collections.abc import AsyncGenerator
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import strawberry
from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Integer, Numeric, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from auth.permissions import ANYONE
from reads.declare import (
    Facets,
    Key,
    Referenced,
    Value,
    any_entity,
    column,
    embed,
    entity,
    many,
    many_of,
    one,
    one_of,
    page,
    to,
    value,
    value_beside,
)
from reads.engine import Engine
from reads.verify import Misdeclared, complaints
from resolvers.root import core_schema, open_engine
from schema.scalars import SCALARS
from tests.support.toy_schema import listed, schema_with, shape, union

ID = Key(lambda row, given: row.id, Uuid())


class Own(DeclarativeBase):
    pass


class Row(Own):
    __tablename__ = "row"
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    big: Mapped[int] = mapped_column(BigInteger)
    small: Mapped[int] = mapped_column(Integer)
    exact: Mapped[Decimal] = mapped_column(Numeric)
    flag: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    local: Mapped[datetime] = mapped_column(DateTime)
    names: Mapped[list[str]] = mapped_column(ARRAY(Text))
    other_id: Mapped[UUID] = mapped_column(Uuid)


def thing(called: str = "Thing", /, **fields: tuple[Any, Any]) -> Any:
    """An entity over the table with these fields: each a type and what it reads, None for the column of its name."""
    reads = {n: r for n, (_, r) in fields.items() if r is not None}
    hints = {n: t for n, (t, _) in fields.items()}
    made = type(called, (), {"__annotations__": hints, **reads})
    return entity(Row, name=called, prefix="row", readers=ANYONE)(made)


def said(**roots: tuple[Any, Any]) -> list[str]:
    return list(complaints(schema_with(scalars=SCALARS, **roots)))


def said_of(type_: Any) -> list[str]:
    return said(things=(listed(type_), many(order=lambda row: (row.id,))))


def test_the_shop_is_declared_rightly():
    assert list(complaints(core_schema())) == []


def test_rightly_declared_types_are_accepted(toy_types: None):
    right = {
        "id": (strawberry.ID, None),
        "name": (str, None),
        "note": (str | None, None),
        "small": (int, None),
        "exact": (Decimal, None),
        "flag": (bool, None),
        "at": (datetime, None),
        "names": (listed(str), None),
        "again": (str, column(lambda row: row.note, nullable=False)),
        "parts": (shape("Parts", said=str), embed(said=lambda row: row.name)),
    }
    assert said_of(thing(**right)) == []


@pytest.mark.parametrize(
    ("hint", "reads", "complaint"),
    [
        (str, column(lambda row: row.note), "Thing.x is non-null over a value that may be null"),
        (str, column(lambda row: row.name, nullable=True), "Thing.x is non-null over a value that may be null"),
        (int, column(lambda row: row.big), "Thing.x is Int over BIGINT"),
        (int, column(lambda row: row.name), "Thing.x is Int over TEXT"),
        (str, column(lambda row: row.small), "Thing.x is String over INTEGER"),
        (str, column(lambda row: row.id), "Thing.x is String over CHAR(32)"),
        (strawberry.ID, column(lambda row: row.id), "Thing.x is ID over CHAR(32)"),
        (bool, column(lambda row: row.name), "Thing.x is Boolean over TEXT"),
        (Decimal, column(lambda row: row.big), "Thing.x is Decimal over BIGINT"),
        (float, column(lambda row: row.exact), "Thing.x: Float has no text"),
        (datetime, column(lambda row: row.local), "Thing.x is a moment without its offset"),
        (listed(str), column(lambda row: row.name), "Thing.x is a list over TEXT"),
        (listed(Decimal), column(lambda row: row.names), "Thing.x: a list of Decimal has no text"),
        (listed(int), column(lambda row: row.names), "Thing.x is Int over TEXT"),
        (str, None, "Thing.x: row has no such column"),
        (str, strawberry.field(resolver=lambda: "x"), "Thing.x is computed, and entities are read"),
        (str, one(lambda row, other: other.id == row.other_id), "Thing.x is of no entity"),
        (
            str,
            value_beside(lambda row, other: other.id == row.other_id, Row, lambda other: other.name),
            "Thing.x shows one value of a row that may be missing",
        ),
        (str, many(lambda row, other: other.id == row.id, order=lambda o: (o.id,)), "Thing.x is declared as a list"),
    ],
)
def test_value_that_would_be_written_wrongly_is_refused(toy_types: None, hint: Any, reads: Any, complaint: str):
    assert complaint in said_of(thing(x=(hint, reads)))


def test_column_that_may_be_null_is_refused_by_its_name(toy_types: None):
    assert said_of(thing(note=(str, None))) == ["Thing.note is non-null over a value that may be null"]


def test_shape_without_one_of_its_fields_is_refused(toy_types: None):
    parts = shape("Parts", said=str, unsaid=str)
    assert said_of(thing(parts=(parts, embed(said=lambda row: row.name)))) == [
        "Parts.unsaid is computed, and entities are read"
    ]


def test_shape_is_looked_through_too(toy_types: None):
    parts = shape("Parts", said=str)
    fields: dict[str, Any] = {"said": Value(lambda row: row.note)}
    complaint = "Parts.said is non-null over a value that may be null"
    assert said_of(thing(parts=(parts, embed(**fields)))) == [complaint]
    beside = one(lambda row, other: other.id == row.id, model=Row, fields=fields)
    assert said_of(thing(parts=(parts, beside))) == [complaint]


def test_relation_without_its_row_is_refused(toy_types: None):
    part = thing("Part", name=(str, None))
    assert said_of(thing(part=(part | None, one()))) == ["Thing.part does not say beside which row its rows lie"]


def test_list_that_is_declared_as_one_is_refused(toy_types: None):
    part = thing("Part", name=(str, None))
    assert said_of(thing(part=(listed(part), one(lambda row, other: other.id == row.id)))) == [
        "Thing.part is not declared as a list"
    ]


def connection(node: Any, **more: Any) -> Any:
    return shape("Connection", edges=listed(shape("Edge", cursor=str, node=node)), **more)


def test_page_ends_its_order_with_a_unique_key(toy_types: None):
    things = connection(thing(name=(str, None)))
    by_name = Key(lambda row, given: row.name, Text())
    assert said(things=(things, page(sorts=(by_name, ID)))) == []
    assert said(things=(things, page(sorts=(ID, by_name)))) == ["Query.things sorted by None ends with no unique key"]


def test_facets_belong_to_roots(toy_types: None):
    things = connection(thing("Part", name=(str, None)))
    paged = page(lambda row, other: other.id == row.id, sorts=(ID,), facets=Facets({}))
    assert said_of(thing(parts=(things, paged))) == ["Thing.parts counts facets beside a row"]


def test_page_of_what_is_no_entity_is_refused(toy_types: None):
    assert said(things=(connection(shape("Part", name=str)), page(sorts=(ID,)))) == [
        "Query.things is a page of no entity"
    ]


def test_alternatives_are_entities_of_the_union(toy_types: None):
    hat, coat, glove = (thing(name, name=(str, None)) for name in ("Hat", "Coat", "Glove"))
    garment = union("Garment", hat, coat)
    beside = lambda row, other: other.id == row.other_id  # noqa: E731
    assert said_of(thing(worn=(garment | None, one_of((hat, beside), (coat, beside))))) == []
    assert said_of(thing(worn=(garment | None, one_of((hat, beside), (glove, beside))))) == [
        "Thing.worn may be of Glove, which Garment may not"
    ]
    order: dict[str, Any] = {"on": beside, "model": Row, "order": lambda row: (row.id,)}
    assert said_of(thing(worn=(garment | None, many_of((hat, beside), **order)))) == [
        "Thing.worn is declared as a list"
    ]


def test_any_entity_is_of_an_interface(toy_types: None):
    part = thing("Part", name=(str, None))
    assert said(node=(part | None, any_entity())) == ["Query.node is of no interface"]


def test_root_that_reads_a_column_is_refused(toy_types: None):
    assert said(name=(str, column())) == ["Query.name reads from a row, and there is none"]


def test_field_without_a_reader_stops_the_engine(toy_types: None):
    @strawberry.type
    class Query:
        @strawberry.field
        def open(self) -> int:
            return 1

    shop = open_engine()
    with pytest.raises(Misdeclared, match="names no reader"):
        Engine(strawberry.Schema(Query)._schema, shop.sources, shop.permissions)


def test_field_with_no_one_among_its_readers_stops_the_engine(toy_types: None):
    schema = schema_with(name=(str, strawberry.field(resolver=lambda: "x", metadata={"readers": ()})))
    assert list(complaints(schema)) == []  # an empty tuple leaves the type's readers

    @value(readers=())
    class Nobody:
        name: str

    shop = open_engine()
    with pytest.raises(Misdeclared, match="names no reader"):
        Engine(schema_with(x=(Nobody | None, strawberry.field(resolver=lambda: None))), shop.sources, shop.permissions)


def test_all_mistakes_are_told_at_once(toy_types: None):
    wrong = thing(note=(str, None), big=(int, None))
    shop = open_engine()
    schema = schema_with(things=(listed(wrong), many(order=lambda row: (row.id,))))
    with pytest.raises(Misdeclared, match=r"Thing\.note .*; Thing\.big "):
        Engine(schema, shop.sources, shop.permissions)


def test_event_that_is_not_read_anew_is_refused(toy_types: None):
    async def events() -> AsyncGenerator[Any]:
        yield None

    shown = entity(Row, name="Shown", prefix="shw", readers=ANYONE, visible=(to(ANYONE),))(
        type("Shown", (), {"__annotations__": {"id": strawberry.ID}})
    )
    hidden = thing("Hidden", name=(str, None))
    for type_, reads, heard in ((shown, Referenced(), True), (shown, None, False), (hidden, Referenced(), False)):
        begin = strawberry.subscription(resolver=events, graphql_type=type_, metadata={"reads": reads})
        root = value(readers=ANYONE)(type("Subscription", (), {"happened": begin}))
        schema = schema_with(
            scalars=SCALARS, subscription=root, names=(listed(shown), many(order=lambda row: (row.id,)))
        )
        found = list(complaints(schema))
        complaint = "Subscription.happened tells of no entity that is read anew for who listens"
        assert found == ([] if heard else [complaint]), type_
