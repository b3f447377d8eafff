"""One operation, executed in both ways, and what comes of comparing them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any
from uuid import UUID

import orjson
from graphql import GraphQLError, get_named_type
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from models.alteration import Alteration
from models.database import Database
from models.fulfillment import Fulfillment
from models.ids import show_id
from models.measurement import MeasurementSet
from reads.arguments import CannotCompile
from reads.declare import field_readers
from reads.engine import Body, Engine, Outcome
from reads.operations import Operation, RequestErrors
from reads.plan import Planner
from reads.sqltext import compile_plan
from resolvers.context import Client, Context, Services
from schema.review import ReviewSort
from tests.support.catalogue import SIZES, Catalogue, plant_catalogue
from tests.support.companies import SCOPES, plant_partners
from tests.support.garments import SECRET
from tests.support.operations import Generated, Generator, Samples
from tests.support.people import Person, email_of, plant_people
from tests.support.planting import Planting
from tests.support.shop_facts import FACTS

SEARCHES = ("linen", "linnen", "romper wool", "dress -wool", '"nursing dress"', "x" * 201, "the", "ZOË", "or", "l")
BUSY = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"""
RECORDED = "account_id, staff_id, role, purpose, case_reference, categories"
CLIENT = Client("203.0.113.9", "203.0.113.0/24", "Firefox", "DESKTOP")


class Verdict(Enum):
    """What a comparison found. UNEXPLAINED: answered without errors, and yet not by a statement."""

    SAME = "the same bytes"
    DIFFERENT = "different"
    ERRORS = "left to the reference: errors"
    COMPUTED = "left to the reference: a computed field"
    REFUSED = "left to the reference: a field of another type that is refused"
    UNREACHED = "left to the reference: a wrong argument of a field that is not reached"
    UNEXPLAINED = "left to the reference: unexplained"
    BROKEN = "an exception"

    @property
    def wrong(self) -> bool:
        return self in {Verdict.DIFFERENT, Verdict.UNEXPLAINED, Verdict.BROKEN}


@dataclass(frozen=True)
class Comparison:
    verdict: Verdict
    operation: Generated
    variables: Mapping[str, Any]
    viewer: Viewer
    compiled: Any = None
    reference: Any = None
    recorded: bool = False

    def __str__(self) -> str:
        who = f"{self.viewer.kind} {sorted(self.viewer.permissions)} {self.viewer.account_id}"
        asked = f"{self.verdict.value}\n{self.operation.text}\n{orjson.dumps(self.variables).decode()}\nas {who}"
        left, right = apart(str(self.compiled), str(self.reference))
        return f"{asked}\ncompiled  {left}\nreference {right}"


def apart(left: str, right: str) -> tuple[str, str]:
    """The texts around the place from which on they differ."""
    same = next((at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), 0)
    return left[max(0, same - 300) : same + 300], right[max(0, same - 300) : same + 300]


@dataclass
class Asked:
    """What everyone asked of one statement, what was answered, and how all is asked at once."""

    arguments: list[list[Any]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    joined: str | None = None


@dataclass
class World:
    """A planted database, an engine, everyone who may ask, and values to ask with."""

    database: Database
    engine: Engine
    catalogue: Catalogue
    people: dict[str, Person]
    partners: list[UUID]
    viewers: list[Viewer]
    samples: Samples = field(default_factory=lambda: Samples({}, {}))

    def context(self, viewer: Viewer) -> Context:
        unused: Any = None
        services = Services(self.database, self.engine, unused, unused, FACTS, SECRET, unused, unused, unused)
        return Context(services, lambda: CLIENT, viewer)

    async def execute(self, operation: Operation, variables: Mapping[str, Any], viewer: Viewer) -> dict[str, Any]:
        """The reference way's answer: data, or errors with it or instead."""
        try:
            result = await self.engine.execute(operation, variables, self.context(viewer))
        except RequestErrors as found:
            return {"errors": found.errors}
        return {"data": result.data, "errors": result.errors} if result.errors else {"data": result.data}

    async def compare(self, asked: Generated, variables: Mapping[str, Any], viewer: Viewer) -> Comparison:
        try:
            return await self._compare(asked, variables, viewer)
        except Exception as error:  # noqa: BLE001  # to be told with the operation
            return Comparison(Verdict.BROKEN, asked, variables, viewer, error)

    async def _compare(self, asked: Generated, variables: Mapping[str, Any], viewer: Viewer) -> Comparison:
        operation = self.engine.prepare(asked.text, None)
        before = asyncio.all_tasks()
        found = await self.engine.read(operation, variables, viewer, self.database)
        recorded = await self.recorded(viewer)
        reference = await self.execute(operation, variables, viewer)
        recorded_by_reference = await self.recorded(viewer)
        if isinstance(found, Body):
            same = "errors" not in reference and normal(found.data) == dumped(reference)
            same = same and await self.standing(asked.text, operation, variables) in {None, found.data}
            if viewer == ANONYMOUS:
                same = same and await self.answered_together(operation, variables, found.data)
            verdict = Verdict.SAME if same and recorded == recorded_by_reference else Verdict.DIFFERENT
            both = (normal(found.data), recorded), (dumped(reference), recorded_by_reference)
            return Comparison(verdict, asked, variables, viewer, *both, recorded=bool(recorded))
        if found is Outcome.SESSION_GONE:
            return Comparison(Verdict.DIFFERENT, asked, variables, viewer, found, reference)
        await self.settle(viewer, before)
        verdict = self.why_executed(asked, operation, variables, viewer, reference)
        return Comparison(verdict, asked, variables, viewer, found, reference)

    async def standing(self, text: str, operation: Operation, variables: Mapping[str, Any]) -> bytes | None:
        """What everyone is answered who asks again, if the document is such a one."""
        self.engine.let_stand(operation, variables, ANONYMOUS)
        return await self.engine.read_standing(text, None, variables, ANONYMOUS, self.database)

    async def answered_together(self, operation: Operation, variables: Mapping[str, Any], answer: bytes) -> bool:
        """Whether everyone is answered so among all that was asked of the same statement, if these can go together."""
        values = operation.coerce(self.engine.schema, variables)
        assert values is not None
        compiled = self.engine.compiled(operation, values, variables, ANONYMOUS)
        if compiled is None or not compiled.public:
            return True
        asked = operation.notes.setdefault(("asked", compiled.statement.sql), Asked())
        asked.answers.append(answer)
        asked.arguments.append(compiled.statement.arguments(values, ANONYMOUS))
        if len(asked.answers) == 1:
            asked.joined = self.engine.joined(operation, variables, ANONYMOUS)
        if asked.joined is None:
            return True
        async with self.database.reading() as connection:
            rows = await connection.fetch(asked.joined, *zip(*asked.arguments, strict=True))
        return [row[0] for row in rows] == asked.answers

    async def settle(self, viewer: Viewer, before: Collection[asyncio.Task[Any]]) -> None:
        """An error ends an execution while others of its reads may not even have begun: they are waited for.

        One that was given up leaves its transaction to the server, which may still be about to end it.
        """
        await asyncio.gather(*asyncio.all_tasks().difference(before), return_exceptions=True)
        if viewer.kind is not ViewerKind.STAFF:
            return
        async with self.database.reading() as connection:
            for pause in range(100):
                if not await connection.fetchval(BUSY):
                    break
                await asyncio.sleep(pause / 1000)
        await self.recorded(viewer)

    async def recorded(self, viewer: Viewer) -> list[str]:
        """What has been recorded as read of persons; it is taken away."""
        if viewer.kind is not ViewerKind.STAFF:
            return []
        async with self.database.reading() as connection:
            found = await connection.fetch(f"DELETE FROM data_access RETURNING {RECORDED}")
        return sorted(str({**row, "categories": sorted(row["categories"])}) for row in found)

    def why_executed(
        self, asked: Generated, operation: Operation, variables: Any, viewer: Viewer, reference: dict[str, Any]
    ) -> Verdict:
        if "errors" in reference:
            return Verdict.ERRORS
        if asked.computed:
            return Verdict.COMPUTED
        values: Any = operation.coerce_all(self.engine.schema, variables)
        schema, permissions = self.engine.schema, self.engine.permissions
        planner = Planner(
            schema, operation.node, operation.fragments, values, viewer.access, permissions, facts=self.engine.facts
        )
        try:
            plan = planner.plan()
            compile_plan(plan, self.engine.sources, viewer.access).arguments(values.coerced, viewer)
        except CannotCompile as reason:
            if str(reason).endswith("is computed"):
                return Verdict.COMPUTED
            return Verdict.REFUSED if str(reason) == "refused" else Verdict.UNEXPLAINED
        except GraphQLError:
            return Verdict.UNREACHED
        return Verdict.UNEXPLAINED

    async def run(self, seed: str, count: int) -> list[Comparison]:
        """Compares `count` operations drawn from the seed, each as one or more callers with all its variables."""
        return [found async for found in self.stream(seed, count)]

    async def stream(self, seed: str, count: int) -> Any:
        for number in range(count):
            random = Random(f"{seed}/{number}")
            viewer = random.choice(self.viewers)
            asked = Generator(self.engine.schema, self.samples, random, self.may(viewer)).operation()
            for variables in asked.variables:
                yield await self.compare(asked, variables, viewer)

    def may(self, viewer: Viewer) -> Callable[[Any], bool]:
        """Whether the viewer may probably read a field: as its declaration tells, and not without a purpose."""
        permissions, access = self.engine.permissions, viewer.access
        at_work = access.acknowledged and access.second_factor and access.purpose is not None
        if viewer.kind is ViewerKind.STAFF and not at_work:
            return lambda declared: permissions.is_public(field_readers(declared))
        return lambda declared: permissions.denial(field_readers(declared), access) is None

    async def first_wrong(self, seed: str, count: int) -> Comparison | None:
        """The first difference within `count` operations."""
        async for found in self.stream(seed, count):
            if found.verdict.wrong:
                return found
        return None


def normal(data: bytes) -> bytes:
    return orjson.dumps(orjson.loads(data))


def dumped(answer: dict[str, Any]) -> bytes:
    return orjson.dumps(answer, default=str)


def tally(comparisons: Iterable[Comparison]) -> Counter[tuple[str, Verdict]]:
    return Counter((one.viewer.kind.value, one.verdict) for one in comparisons)


async def open_world(database: Database, engine: Engine) -> World:
    """Plants the data and gathers samples of it."""
    planting = Planting(7)
    catalogue = plant_catalogue(planting)
    people = plant_people(planting, catalogue)
    partners = plant_partners(planting)
    ids = ids_of_orders(planting)
    await database.transact(lambda transaction: write(planting, transaction))
    world = World(database, engine, catalogue, people, partners, viewers_of(people, partners))
    world.samples = Samples(ids_of(world) | ids, texts_of(catalogue))
    await gather_cursors(world)
    return world


async def gather_cursors(world: World) -> None:
    """Of each page, under each sort, as one of those who may read it."""
    query = world.engine.schema.query_type
    assert query is not None
    roots = [
        (get_named_type(field.type).name, sort, f"{{ {name}(first: 100{sorted_by(sort)}) {{ edges {{ cursor }} }} }}")
        for name, field in query.fields.items()
        if "first" in field.args
        for sort in sorts_of(field)
    ]
    reviews = [("PublicReviewConnection", sort.value, REVIEWS % sort.value) for sort in ReviewSort]
    for name, sort, text in [*roots, *reviews, *OWN]:
        operation = world.engine.prepare(text, None)
        for viewer in world.viewers:
            answer = await world.execute(operation, {}, viewer)
            if found := list(cursors_in(answer.get("data"))):
                world.samples.cursors[name, sort] = found
                break


def sorts_of(field: Any) -> list[str]:
    return list(get_named_type(field.args["sort"].type).values) if "sort" in field.args else [""]


def sorted_by(sort: str) -> str:
    return f", sort: {sort}" if sort else ""


async def write(planting: Planting, transaction: AsyncConnection) -> None:
    await planting.write(transaction)


def viewers_of(people: dict[str, Person], companies: list[UUID]) -> list[Viewer]:
    """Everyone, the one who owns most more often."""
    customers = [people[name].viewer for name in ("full", "full", "full", "sparse", "new")]
    partners = [
        Viewer(ViewerKind.PARTNER, permissions=frozenset(SCOPES[:number]), partner_id=key)
        for number, key in enumerate(companies)
    ]
    return [ANONYMOUS, ANONYMOUS, *customers, *customers[:2], *people["clerk"].as_staff, *partners]


def ids_of(world: World) -> dict[str, list[str]]:
    catalogue, people = world.catalogue, world.people
    keys = {
        "prt": world.partners,
        "prd": [*catalogue.products, *catalogue.archived],
        "var": catalogue.variants[:30],
        "rev": [*catalogue.reviews[:10], *catalogue.unpublished[:5]],
        "cus": [person.id for person in people.values()],
        "ord": [key for person in people.values() for key in person.orders],
        "adr": [key for person in people.values() for key in person.addresses],
        "ses": [key for person in people.values() for key in person.sessions],
    }
    return {prefix: [show_id(prefix, key) for key in found] for prefix, found in keys.items()}


def ids_of_orders(planting: Planting) -> dict[str, list[str]]:
    """Of what hangs on orders and people, whoever's it is."""
    tables = {"alt": Alteration, "ful": Fulfillment, "mea": MeasurementSet}
    return {prefix: [show_id(prefix, key) for key in planting.keys_of(table)] for prefix, table in tables.items()}


def texts_of(catalogue: Catalogue) -> dict[str, list[str]]:
    return {
        "slug": [*catalogue.products.values(), *catalogue.archived.values(), *catalogue.categories],
        "category": catalogue.categories,
        "brand": catalogue.brands,
        "size": list(SIZES),
        "search": [*SEARCHES, "full", "clerk", "sparse+"],
        "contact": [email_of("full"), email_of("new"), "+12025550143", "x@example.com"],
        "number": ["LY-0001", "LY-0007", "ly-0001"],
        "sku": ["SKU-1.0", "SKU-2.1"],
        "countryCode": ["US", "FR", "XX"],
    }


REVIEWS = "{ products(first: 40) { edges { node { reviews(first: 3, sort: %s) { edges { cursor } } } } } }"
OWN = [
    ("OrderConnection", "", "{ me { orders(first: 100) { edges { cursor } } } }"),
    ("AccountEventConnection", "", "{ me { accountActivity(first: 100) { edges { cursor } } } }"),
]


def cursors_in(answer: Any) -> Iterable[str]:
    """All cursors of an answer."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name == "cursor":
                yield value
            else:
                yield from cursors_in(value)
    elif isinstance(answer, list):
        for one in answer:
            yield from cursors_in(one)
