"""Mutations go past graphql-core: they answer what it answers, and no resolver runs twice, whatever goes wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson
import pytest
from graphql import GraphQLError

from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from reads import engine as engines
from reads import mutation, shown
from reads.engine import Engine
from reads.entities import strawberry_field
from reads.mutation import Mutation
from reads.operations import RequestErrors
from resolvers.root import open_engine
from tests.support.parcels import Asking, Label, Parcel, Post, Stamp, full, giving, posted, raising

EVERYTHING = "word size sizes stamp { worth size } stamps { size worth } label { text } marks sentAt sentOn"
SEND = 'send(input: {word: "x"})'
CUSTOMER = Viewer(ViewerKind.CUSTOMER)


@dataclass(frozen=True)
class Case:
    """`left`: graphql-core has a part in the answer. `runs`: how many resolvers there are to run."""

    text: str
    answers: tuple[Callable[[], Any], ...] = (full,)
    variables: dict[str, Any] | None = None
    left: bool = False
    runs: int = 1
    viewer: Viewer = ANONYMOUS


def sent(**given: Any) -> dict[str, Any]:
    return {"input": {"word": "x", **given}}


WITH_INPUT = "mutation ($input: ParcelInput!) { send(input: $input) { word } }"
DIRECTED = f"""mutation ($yes: Boolean!, $no: Boolean = false) {{
  a: {SEND} {{ word @skip(if: $yes) size }} b: {SEND} @include(if: $no) {{ word }}
  ... @include(if: $yes) {{ c: {SEND} {{ sizes }} }} }}"""
TRY = "tryToSend { word label { text } }"

CASES = {
    "everything": Case(f"mutation {{ {SEND} {{ {EVERYTHING} }} }}"),
    "nothing in it": Case(f"mutation {{ {SEND} {{ {EVERYTHING} }} }}", (lambda: Parcel(word="x"),)),
    "names of types": Case(
        f"mutation {{ a: __typename {SEND} {{ __typename stamp {{ t: __typename }} }} z: __typename}}"
    ),
    "aliases": Case(f"mutation {{ b: {SEND} {{ x: word y: word z: stamp {{ w: worth }} }} }}"),
    "several, in order": Case(
        f'mutation {{ b: {SEND} {{ word }} a: handOver(word: "y") {{ word }} c: {SEND} {{ size }} }}',
        (lambda: Parcel(word="first"), lambda: Parcel(word="second"), full),
        runs=3,
    ),
    "the same twice": Case(f"mutation {{ {SEND} {{ stamp {{ size }} }} {SEND} {{ word stamp {{ worth size }} }} }}"),
    "fragments": Case(
        f"mutation {{ ...All }} fragment All on Mutation {{ {SEND} {{ ...P ... on Parcel {{ size ...P }} }} }} "
        "fragment P on Parcel { stamps { ... { worth } } word }"
    ),
    "skipped": Case(DIRECTED, variables={"yes": True}, runs=2),
    "not skipped": Case(DIRECTED, variables={"yes": False, "no": True}, runs=2),
    "everything skipped": Case(f"mutation {{ {SEND} @skip(if: true) {{ word }} }}", runs=0),
    "whole input": Case(
        WITH_INPUT,
        variables=sent(
            size="LARGE", on="2026-03-01", note=None, stamps=[{"worth": "2.5"}, {"size": None}], marks=[[1], []]
        ),
    ),
    "little input": Case(WITH_INPUT, variables=sent()),
    "one for a list": Case(WITH_INPUT, variables=sent(stamps={"size": "SMALL"}, marks=3)),
    "input within the document": Case(
        "mutation ($w: String!, $n: [Int!]!, $u: String) { send(input: {word: $w, note: $u, marks: [$n, [2]], stamps: "
        "{worth: 3}}) { word } }",
        variables={"w": "x", "n": [1, 2]},
    ),
    "argument that is not sent": Case("mutation ($i: ParcelInput) { tryToSend(input: $i) { word } }", variables={}),
    "argument that is null": Case(
        "mutation ($i: ParcelInput, $n: Int!) { tryToSend(input: $i, times: $n) { word } }",
        variables={"i": None, "n": 2},
    ),
    "default of a variable": Case(
        'mutation ($i: ParcelInput = {word: "d"}, $n: Int! = 4) { tryToSend(input: $i, times: $n) { word } }'
    ),
    "null for what has a default": Case(
        "mutation ($n: Int = 4) { tryToSend(times: $n) { word } }", variables={"n": None}, left=True, runs=0
    ),
    "null where it may be": Case(f"mutation {{ {TRY} }}", (giving(None),)),
    "resolver that is not asynchronous": Case("mutation { handOver(word: null) { word } }"),
    "who may": Case(f"mutation {{ takeBack {{ {EVERYTHING} }} }}", viewer=CUSTOMER),
    "who may read": Case(f"mutation {{ {SEND} {{ label {{ own }} }} }}", viewer=CUSTOMER),
    # What graphql-core has a part in.
    "who may not": Case(f"mutation {{ {SEND} {{ word }} takeBack {{ word }} b: {SEND} {{ word }} }}", left=True),
    "who may not read": Case(f"mutation {{ {SEND} {{ word label {{ own text }} }} }}", left=True),
    "who may read it no more": Case(f"mutation {{ {SEND} {{ word label {{ secret }} }} }}", left=True, viewer=CUSTOMER),
    "no object": Case("mutation { count }", (giving(3),), left=True),
    "a wrong number": Case("mutation { count }", (giving("x"),), left=True),
    "null where none may be": Case(f"mutation {{ {SEND} {{ word }} {TRY} }}", (giving(None),), left=True),
    "null within": Case(f"mutation {{ {TRY} }}", (lambda: replace(full(), word=None),), left=True),
    "null in a list": Case(
        f"mutation {{ {TRY} b: tryToSend {{ sizes word }} }}",
        (full, lambda: replace(full(), sizes=[None])),
        left=True,
        runs=2,
    ),
    "no such word": Case("mutation { tryToSend { size } }", (lambda: replace(full(), size="HUGE"),), left=True),
    "no list": Case("mutation { tryToSend { sizes marks } }", (lambda: replace(full(), sizes="SMALL"),), left=True),
    "an iterator": Case("mutation { tryToSend { marks } }", (lambda: replace(full(), marks=iter([(1,)])),), left=True),
    "another object": Case(f"mutation {{ {TRY} }}", (giving(Stamp(worth=Decimal(1), size=None)),), left=True),
    "number for a date": Case("mutation { tryToSend { sentOn } }", (lambda: replace(full(), sent_on=3),), left=True),
    "field with a resolver": Case(f"mutation {{ {SEND} {{ label {{ shouted }} }} }}", left=True),
    "field with arguments": Case(f"mutation {{ {SEND} {{ label {{ shouted(marks: 3) }} }} }}", left=True),
    "union": Case(f"mutation {{ {SEND} {{ content {{ ... on Label {{ text }} __typename }} }} }}", left=True),
    "resolver that fails": Case(
        f"mutation {{ a: {SEND} {{ word }} {TRY} z: {SEND} {{ size }} }}",
        (full, raising(RuntimeError("planted")), full),
        left=True,
        runs=3,
    ),
    "resolver that fails where null may not be": Case(
        f"mutation {{ {TRY} a: {SEND} {{ word }} z: {SEND} {{ size }} }}",
        (full, raising(GraphQLError("No.", extensions={"code": "FORBIDDEN", "reason": "PERMISSION"})), full),
        left=True,
        runs=2,
    ),
    "exception for an answer": Case(f"mutation {{ {TRY} }}", (giving(ValueError("planted")),), left=True),
    "unfinished, and more to come": Case(
        f"mutation {{ a: {SEND} {{ word }} b: {SEND} {{ label {{ shouted }} }} c: {SEND} {{ size }} }}",
        left=True,
        runs=3,
    ),
}


@pytest.fixture(scope="module")
def post() -> Post:
    return Post()


@pytest.fixture(scope="module")
def engine(post: Post) -> Engine:
    shop = open_engine()
    return Engine(posted(post), shop.sources, shop.permissions)


async def answer(engine: Engine, post: Post, case: Case) -> tuple[bytes, list[str]]:
    """The answer with its errors, and the calls of resolvers."""
    post.calls, post.answers = [], list(case.answers)
    operation = engine.prepare(case.text, None)
    result = await engine.execute(operation, case.variables or {}, Asking(engine, case.viewer))
    return orjson.dumps([result.data, [one.formatted for one in result.errors or ()]]), post.calls


async def by_core_alone(engine: Engine, post: Post, case: Case) -> tuple[bytes, list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mutation, "run", _nothing)
        return await answer(engine, post, case)


async def _nothing(self: Mutation) -> None:
    pass


@pytest.mark.parametrize("name", CASES)
async def test_answer_and_calls_are_those_of_graphql_core_alone(
    engine: Engine, post: Post, name: str, monkeypatch: pytest.MonkeyPatch
):
    case, went_on = CASES[name], []
    wanted = await by_core_alone(engine, post, case)
    execute = engines.execute_root_selection_set
    monkeypatch.setattr(engines, "execute_root_selection_set", lambda one: went_on.append(one) or execute(one))
    for _ in range(2):
        assert await answer(engine, post, case) == wanted
    assert len(wanted[1]) == case.runs or case.left
    assert len(went_on) == 2 * case.left


async def test_resolver_that_fails_is_not_run_again(engine: Engine, post: Post):
    case = CASES["resolver that fails"]
    _, calls = await answer(engine, post, case)
    assert [one.split(" ")[0] for one in calls] == ["send", "try", "send"]


@pytest.mark.parametrize(
    "variables", [{}, {"input": None}, {"input": {}}, sent(size="HUGE"), sent(nope=1), sent(stamps=[{"worth": "x"}])]
)
async def test_wrong_variables_are_told_of_and_nothing_runs(engine: Engine, post: Post, variables: dict[str, Any]):
    post.calls = []
    with pytest.raises(RequestErrors) as refused:
        await engine.execute(engine.prepare(WITH_INPUT, None), variables, Asking(engine))
    assert [(one.extensions or {})["code"] for one in refused.value.errors] == ["BAD_USER_INPUT"]
    assert post.calls == []


async def test_who_goes_away_ends_the_mutation(engine: Engine, post: Post):
    with pytest.raises(asyncio.CancelledError):
        await answer(
            engine,
            post,
            Case(f"mutation {{ a: {SEND} {{ word }} b: {SEND} {{ word }} }}", (raising(asyncio.CancelledError()),)),
        )
    assert len(post.calls) == 1


async def test_viewer_is_who_they_are_by_the_time_that_they_read(engine: Engine, post: Post):
    asking = Asking(engine)

    def sign_in() -> Parcel:
        asking.viewer = CUSTOMER
        return replace(full(), label=Label(text="t", own="mine"))

    post.calls = []
    post.answers = [sign_in]
    text = f"mutation {{ {SEND} {{ label {{ own }} }} takeBack {{ word }} }}"
    result = await engine.execute(engine.prepare(text, None), {}, asking)
    assert result.errors is None
    assert result.data == {"send": {"label": {"own": "mine"}}, "takeBack": {"word": 'a "word"'}}


async def test_what_is_not_understood_is_not_planned_for_again(
    engine: Engine, post: Post, monkeypatch: pytest.MonkeyPatch
):
    case, planned = CASES["union"], []
    plan = mutation._planned
    monkeypatch.setattr(mutation, "_planned", lambda *given: planned.append(given) or plan(*given))
    fresh = replace(case, text=case.text + " # anew")
    assert await answer(engine, post, fresh) == await answer(engine, post, fresh)
    assert len(planned) == 1


# ---- were something else answered, it would be found


def words_as_they_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shown, "_present", lambda *_: lambda value: value)


def nothing_is_required(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shown, "_scalar", lambda type_: lambda value: value)


def everyone_may_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shown, "admitted", lambda planning, type_, name: strawberry_field(type_, name))


def outcome_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mutation, "Found", lambda value=None, error=None: None)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (words_as_they_are, "no such word"),
        (nothing_is_required, "null within"),
        (everyone_may_read, "who may not read"),
        (outcome_is_forgotten, "resolver that fails"),
    ],
)
async def test_a_difference_is_found(fault: Any, name: str, monkeypatch: pytest.MonkeyPatch):
    fault(monkeypatch)
    post, shop = Post(), open_engine()
    engine = Engine(posted(post), shop.sources, shop.permissions)
    case = CASES[name]
    assert await answer(engine, post, case) != await by_core_alone(engine, post, case)
