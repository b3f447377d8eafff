"""A schema with what the shop's own does not have yet: unions, lists of them, exact numbers, days, required rows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry
from graphql import GraphQLSchema
from sqlalchemy import ARRAY, Date, DateTime, Integer, Numeric, Text, Uuid, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from strawberry.schema.config import StrawberryConfig

from auth.permissions import ANYONE
from reads.cursors import wrong
from reads.declare import (
    Filter,
    FilterField,
    Key,
    any_entities,
    any_entity,
    entity,
    many,
    many_of,
    one_of,
    page,
    referenced,
    to,
    value,
)
from resolvers.payloads import refer
from schema.common import PageInfo
from schema.scalars import SCALARS
from tests.support.planting import AWKWARD, Planting


class Own(DeclarativeBase):
    type_annotation_map = {str: Text, UUID: Uuid, Decimal: Numeric, datetime: DateTime(timezone=True), date: Date}


class ShelfRow(Own):
    __tablename__ = "shelf"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str | None]


class HatRow(Own):
    __tablename__ = "hat"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    shelf_id: Mapped[UUID]
    name: Mapped[str]
    price: Mapped[Decimal | None]
    bought_on: Mapped[date | None]
    worn_at: Mapped[datetime]
    sizes: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))


class CoatRow(Own):
    __tablename__ = "coat"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    shelf_id: Mapped[UUID]
    name: Mapped[str | None]


class PlaceRow(Own):
    """What lies on a shelf, in an order: a hat, a coat, or a gap."""

    __tablename__ = "place"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    shelf_id: Mapped[UUID]
    number: Mapped[int]
    hat_id: Mapped[UUID | None]
    coat_id: Mapped[UUID | None]


@strawberry.interface
class Thing:
    id: strawberry.ID


@strawberry.input
class HatFilter:
    least: Decimal | None = strawberry.UNSET
    bought_on: date | None = strawberry.UNSET
    tag: str | None = strawberry.UNSET


def positive(number: Decimal) -> Decimal:
    if number < 0:
        raise wrong("No hat costs less than nothing.")
    return number


HAT_FILTER = Filter(
    HatFilter | None,
    {
        "least": FilterField(Numeric(), lambda hat, least, given: hat.price >= least, positive),
        "bought_on": FilterField(Date(), lambda hat, day, given: hat.bought_on == day),
        "tag": FilterField(Text(), lambda hat, tag, given: tag == hat.tags.any_()),
    },
)


def wardrobe_schema() -> GraphQLSchema:
    """Declares the types, for one test (`toy_types`)."""

    @entity(HatRow, name="Hat", prefix="hat", readers=ANYONE, visible=(to(ANYONE),))
    class Hat(Thing):
        id: strawberry.ID
        name: str
        price: Decimal | None
        bought_on: date | None
        worn_at: datetime
        sizes: list[int] | None
        tags: list[str]

    @entity(CoatRow, name="Coat", prefix="coa", readers=ANYONE, visible=(to(ANYONE),))
    class Coat(Thing):
        id: strawberry.ID
        name: str | None
        hats: list[Hat] = many(lambda coat, hat: hat.shelf_id == coat.shelf_id, order=lambda hat: (hat.id,))

    garment = Annotated[Hat | Coat, strawberry.union("Garment")]
    placed = (
        (Hat, lambda place, hat: hat.id == place.hat_id),
        (Coat, lambda place, coat: coat.id == place.coat_id),
    )
    order: dict[str, Any] = {"model": PlaceRow, "order": lambda place: (place.number, place.id)}
    beside: dict[str, Any] = {"on": lambda shelf, place: place.shelf_id == shelf.id, **order}
    filled: dict[str, Any] = {
        "on": lambda shelf, place: (place.shelf_id == shelf.id) & (place.hat_id.is_not(None)),
        **order,
    }

    @value(readers=ANYONE)
    class HatEdge:
        cursor: str
        node: Hat

    @value(readers=ANYONE)
    class HatConnection:
        edges: list[HatEdge]
        page_info: PageInfo
        total_count: int

    by_price = (
        Key(lambda hat, given: hat.worn_at, DateTime(timezone=True), descending=True),
        Key(lambda hat, given: hat.id, Uuid()),
    )

    @entity(ShelfRow, name="Shelf", prefix="shf", readers=ANYONE, visible=(to(ANYONE),))
    class Shelf(Thing):
        id: strawberry.ID
        label: str | None
        lone: garment | None = one_of(
            (Coat, lambda shelf, coat: (coat.shelf_id == shelf.id) & coat.name.is_(None)),
            (Hat, lambda shelf, hat: (hat.shelf_id == shelf.id) & hat.price.is_(None)),
        )
        required: garment = one_of((Coat, lambda shelf, coat: (coat.shelf_id == shelf.id) & coat.name.is_(None)))
        thing: Thing | None = one_of((Hat, lambda shelf, hat: (hat.shelf_id == shelf.id) & hat.price.is_(None)))
        garments: list[garment | None] = many_of(*placed, **beside)
        things: list[Thing | None] = many_of(*placed, **beside)
        full: list[garment] = many_of(*placed, **filled)
        all: list[garment] = many_of(*placed, **beside)
        hats: HatConnection = page(lambda shelf, hat: hat.shelf_id == shelf.id, sorts=by_price, filter=HAT_FILTER)

    @value(readers=ANYONE)
    class Query:
        shelves: list[Shelf] = many(order=lambda shelf: (shelf.id,))
        hats: HatConnection = page(sorts=by_price, filter=HAT_FILTER)
        node: Thing | None = any_entity()
        nodes: list[Thing | None] = any_entities()

    @value(readers=ANYONE)
    class Tidied:
        shelf: Shelf | None = referenced()

    @value(readers=ANYONE)
    class Mutation:
        @strawberry.mutation
        def tidy(self, key: str) -> Tidied:
            return Tidied(shelf=refer(UUID(key)))

    schema = strawberry.Schema(Query, Mutation, types=(Hat, Coat, Shelf), config=StrawberryConfig(scalar_map=SCALARS))
    return schema._schema


@dataclass(frozen=True)
class Wardrobe:
    """Keys of what was planted. The first shelf is empty; the last has one of each and a gap."""

    shelves: list[UUID]
    hats: list[UUID]
    coats: list[UUID]


async def plant_wardrobe(connection: AsyncConnection) -> Wardrobe:
    planting = Planting(3)
    made = Wardrobe([planting.key() for _ in range(4)], [], [])
    await connection.run_sync(Own.metadata.create_all)
    for number, shelf in enumerate(made.shelves):
        await connection.execute(insert(ShelfRow).values(id=shelf, label=planting.maybe(planting.text())))
        for count in range(number * 2):
            await _hat(connection, planting, made, shelf, count)
        if number > 1:
            coat = planting.key()
            made.coats.append(coat)
            name = None if number == 3 else planting.text()
            await connection.execute(insert(CoatRow).values(id=coat, shelf_id=shelf, name=name))
            await _place(connection, planting, shelf, 1, coat_id=coat)
        if number == 3:
            await _place(connection, planting, shelf, 9)
    return made


async def _hat(connection: AsyncConnection, planting: Planting, made: Wardrobe, shelf: UUID, count: int) -> None:
    hat = planting.key()
    made.hats.append(hat)
    row: dict[str, Any] = {
        "price": None
        if count == 0
        else Decimal(("19.90", "0", "1E+3", "-0.000001", "1234567890.0123456789")[count % 5]),
        "bought_on": planting.maybe(date(2024, 2, 29)),
        "worn_at": datetime(1970, 1, 1, tzinfo=UTC) if count == 1 else planting.moment(),
        "sizes": planting.maybe([1, -(2**31), 2**31 - 1]),
        "tags": list(AWKWARD[:count]),
    }
    await connection.execute(insert(HatRow).values(id=hat, shelf_id=shelf, name=AWKWARD[count], **row))
    await _place(connection, planting, shelf, count % 3, hat_id=hat)


async def _place(connection: AsyncConnection, planting: Planting, shelf: UUID, number: int, **what: UUID) -> None:
    await connection.execute(insert(PlaceRow).values(id=planting.key(), shelf_id=shelf, number=number, **what))
