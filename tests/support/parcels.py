"""Mutations whose resolvers do what they are told: a schema with what payloads may hold, and what may go wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from auth.permissions import ANYONE, OWNER, staff
from auth.viewer import ANONYMOUS, Viewer
from reads.declare import value
from reads.engine import Engine
from reads.operations import Operation
from schema.scalars import SCALARS


@strawberry.enum
class Size(StrEnum):
    SMALL = "SMALL"
    LARGE = "LARGE"


@strawberry.input
class StampInput:
    worth: Decimal = Decimal(1)
    size: Size | None = strawberry.UNSET


@strawberry.input
class ParcelInput:
    word: str
    size: Size = Size.SMALL
    on: date | None = None
    note: str | None = strawberry.UNSET
    stamps: list[StampInput] | None = strawberry.UNSET
    marks: list[list[int]] = strawberry.field(default_factory=list)


@value(readers=ANYONE)
class Stamp:
    worth: Decimal
    size: Size | None


@value(readers=ANYONE)
class Label:
    text: str
    secret: str | None = strawberry.field(metadata={"readers": staff("parcel:read")}, default=None)
    own: str | None = strawberry.field(metadata={"readers": OWNER}, default=None)

    @strawberry.field
    def shouted(self, marks: int = 1) -> str:
        return self.text.upper() + "!" * marks


Content = Annotated[Stamp | Label, strawberry.union("Content")]


@value(readers=ANYONE)
class Parcel:
    word: str
    size: Size | None = None
    sizes: list[Size] = strawberry.field(default_factory=list)
    stamp: Stamp | None = None
    stamps: list[Stamp | None] | None = None
    label: Label | None = None
    marks: list[list[int]] = strawberry.field(default_factory=list)
    sent_at: datetime | None = None
    sent_on: date | None = None
    content: Content | None = None


def full() -> Parcel:
    """Everything there is in a parcel."""
    return Parcel(
        word='a "word"',
        size=Size.LARGE,
        sizes=[Size.SMALL, Size.LARGE],
        stamp=Stamp(worth=Decimal("1.50"), size=Size.SMALL),
        stamps=[Stamp(worth=Decimal("1E+3"), size=None), None],
        label=Label(text="there", secret="hidden"),
        marks=[[1, 2], []],
        sent_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        sent_on=date(2026, 3, 1),
        content=Label(text="inside"),
    )


@dataclass
class Post:
    """What the resolvers answer, one after the other, and what they were called with."""

    answers: list[Callable[[], Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def deliver(self, called: str, **given: Any) -> Any:
        self.calls.append(f"{called} {given}")
        return self.answers[min(len(self.calls), len(self.answers)) - 1]()


def posted(post: Post) -> GraphQLSchema:
    @value(readers=ANYONE)
    class Query:
        word: str = "w"

    @value(readers=ANYONE)
    class Mutation:
        @strawberry.mutation
        async def send(self, info: strawberry.Info, input: ParcelInput) -> Parcel:
            return post.deliver("send", input=input, told=info.context.viewer.kind)

        @strawberry.mutation
        async def try_to_send(self, input: ParcelInput | None = strawberry.UNSET, times: int = 1) -> Parcel | None:
            return post.deliver("try", input=input, times=times)

        @strawberry.mutation
        def hand_over(self, word: str | None = None) -> Parcel:
            return post.deliver("hand over", word=word)

        @strawberry.mutation
        async def count(self) -> int:
            return post.deliver("count")

        @strawberry.mutation(metadata={"readers": OWNER})
        async def take_back(self) -> Parcel:
            return post.deliver("take back")

    config = StrawberryConfig(scalar_map=SCALARS)
    return strawberry.Schema(Query, Mutation, config=config)._schema


@dataclass
class Asking:
    """A request's context."""

    engine: Engine
    viewer: Viewer = ANONYMOUS
    operation: Operation | None = None
    variables: Any = None


def raising(error: BaseException) -> Callable[[], Any]:
    """An answer that is an exception."""

    def answer() -> Any:
        raise error

    return answer


def giving(answer: Any) -> Callable[[], Any]:
    return partial(lambda found: found, answer)
