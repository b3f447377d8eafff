"""Operations over a socket: queries, mutations, subscriptions, and many of them."""

import pytest
from graphql import GraphQLError

from app.http.persisted import digest
from tests.support.edge import SECRET, Edge, codes
from tests.support.log import written_log
from tests.support.sockets import LIMITS, Line, Socket, connect
from tests.support.waiting import until

TICKS = "subscription { ticks }"


# ---- queries and mutations


async def test_query_and_mutation_are_answered(opened: Socket):
    assert await opened.ask("query ($n: String) { hello(name: $n) }", n="Ana") == {"data": {"hello": "Hello, Ana"}}
    saved = await opened.ask("mutation ($i: SaveInput!) { save(input: $i) { label } }", i={"label": "Home"})
    assert saved == {"data": {"save": {"label": "Home"}}}


ERRORS = {
    "{": "GRAPHQL_PARSE_FAILED",
    "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { nothing }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { ticks other: ticks }": "GRAPHQL_VALIDATION_FAILED",
    "{ product " * 16 + "{ name }" + "}" * 16: "QUERY_TOO_COMPLEX",
    "query A { hello } query B { hello }": "OPERATION_RESOLUTION_FAILURE",
    "{ unauthenticated }": "FORBIDDEN",
    "subscription { ticks } # 4111 1111 1111 1111": "CARD_NUMBER_REFUSED",
}


@pytest.mark.parametrize(("query", "code"), ERRORS.items(), ids=ERRORS.values())
async def test_errors_are_those_of_http(opened: Socket, query: str, code: str):
    answer = await opened.ask(query)
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert await opened.ask("{ hello }") == {"data": {"hello": "Hello, you"}}


async def test_text_that_cannot_be_stored_is_an_error_of_its_operation(opened: Socket):
    answer = await opened.ask("query ($n: String) { hello(name: $n) }", n="a\0b")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_card_number_is_refused_as_over_http(line: Line, opened: Socket):
    line.engine.saved.clear()
    card = {"label": "4111 1111 1111 1111"}
    saved = await opened.ask(
        "mutation ($i: SaveInput!) { save(input: $i) { label userErrors { code field } } }", i=card
    )
    assert saved["data"]["save"] == {
        "label": None,
        "userErrors": [{"code": "CARD_NUMBER_REFUSED", "field": ["label"]}],
    }
    heard = await opened.ask("subscription ($of: String) { ticks(of: $of) }", of=card["label"])
    assert [error["extensions"]["code"] for error in heard["errors"]] == ["CARD_NUMBER_REFUSED"]
    assert not line.engine.saved
    assert not line.engine.listeners


async def test_faults_are_masked_and_logged_once(opened: Socket):
    for query in ("{ brokenForGood }", "subscription { brokenTicks }"):
        with written_log() as log:
            answer = await opened.ask(query)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL_SERVER_ERROR"]
        assert SECRET not in str(answer)
        assert len([entry for entry in log if entry["level"] == "error"]) == 1
        assert SECRET not in log.text


async def test_persisted_query_is_found_by_its_hash(opened: Socket):
    text = "query Persisted { hello }"
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}
    for payload, answered in (({}, False), ({"query": text}, True), ({}, True)):
        await opened.send({"id": "p", "type": "subscribe", "payload": {"extensions": extensions, **payload}})
        answer = await opened.receive()
        if answered:
            assert (answer["type"], (await opened.receive())["type"]) == ("next", "complete")
        else:
            assert answer["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    heard = "subscription Persisted { ticks }"
    extensions["persistedQuery"]["sha256Hash"] = digest(heard)
    await opened.send({"id": "p", "type": "subscribe", "payload": {"extensions": extensions}})
    assert (await opened.receive())["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


# ---- several operations


async def test_operations_are_answered_side_by_side(line: Line, opened: Socket):
    line.engine.executes.clear()
    try:
        await opened.subscribe("{ product { name } }", name="slow")
        assert await opened.ask("{ hello }") == {"data": {"hello": "Hello, you"}}
    finally:
        line.engine.executes.set()
    assert [(await opened.receive())["type"] for _ in range(2)] == ["next", "complete"]


async def test_id_that_is_in_use_closes_the_socket(line: Line, opened: Socket):
    await opened.subscribe(TICKS)
    await opened.subscribe("{ hello }")
    assert await opened.closed() == 4409
    await line.listening(0)


async def test_id_may_be_used_again_once_the_operation_is_over(line: Line, opened: Socket):
    for _ in range(3):
        assert await opened.ask("{ hello }", name="1") == {"data": {"hello": "Hello, you"}}
    await opened.subscribe(TICKS)
    await line.listening()
    await opened.send({"id": "1", "type": "complete"})
    assert await opened.ask("{ hello }", name="1") == {"data": {"hello": "Hello, you"}}
    await line.listening(0)


async def test_socket_has_a_limit_of_operations(line: Line, opened: Socket):
    for number in range(LIMITS.operations):
        await opened.subscribe(TICKS, name=str(number))
    answer = await opened.ask("{ hello }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["RATE_LIMITED"]
    await opened.send({"id": "0", "type": "complete"})
    await line.listening(LIMITS.operations - 1)
    assert await opened.ask("{ hello }") == {"data": {"hello": "Hello, you"}}


async def test_operations_that_nobody_waits_for_count_until_they_are_over(line: Line, opened: Socket):
    line.engine.executes.clear()
    try:
        for number in range(LIMITS.operations):
            await opened.subscribe("{ product { name } }", name=str(number))
            await opened.send({"id": str(number), "type": "complete"})
        answer = await opened.ask("{ hello }")
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["RATE_LIMITED"]
    finally:
        line.engine.executes.set()


SAVE = 'mutation { save(input: {label: "Kept"}) { label } }'


async def test_mutation_is_done_to_its_end_though_nobody_waits_for_it(line: Line, opened: Socket):
    line.engine.saved.clear()
    line.engine.executes.clear()
    await opened.subscribe(SAVE)
    await opened.send({"id": "1", "type": "complete"})
    await opened.subscribe(SAVE, name="2")
    await opened.line.close()
    line.engine.executes.set()
    await until(lambda: len(line.engine.saved) == 2)


# ---- subscriptions


async def test_subscription_tells_each_event_and_its_end(line: Line, opened: Socket):
    await opened.subscribe(TICKS)
    await line.listening()
    for number in range(3):
        line.engine.tick(number)
        answer = await opened.receive()
        assert answer == {"id": "1", "type": "next", "payload": {"data": {"ticks": number}}}
    line.engine.tick(None)
    assert await opened.receive() == {"id": "1", "type": "complete"}


async def test_subscription_hears_of_what_the_next_message_does(line: Line, opened: Socket):
    """It listens before what comes behind it is begun."""
    await opened.subscribe(TICKS)
    await opened.send({"type": "ping"})
    assert (await opened.receive())["type"] == "pong"
    await line.listening()


async def test_subscription_that_fails_ends_with_its_errors(line: Line, opened: Socket):
    for event, code in (
        (GraphQLError("The session has ended.", extensions={"code": "UNAUTHENTICATED"}), "UNAUTHENTICATED"),
        (RuntimeError(SECRET), "INTERNAL_SERVER_ERROR"),
        (-1, "INTERNAL_SERVER_ERROR"),
    ):
        await opened.subscribe(TICKS)
        await line.listening()
        with written_log() as log:
            line.engine.tick(event)
            answer = await opened.receive()
        assert (answer["id"], answer["type"]) == ("1", "error")
        assert [error["extensions"]["code"] for error in answer["payload"]] == [code]
        assert SECRET not in str(answer) + log.text
        await line.listening(0)


async def test_nothing_is_told_after_complete(line: Line, opened: Socket):
    await opened.subscribe(TICKS)
    await line.listening()
    await opened.send({"id": "1", "type": "complete"})
    await opened.send({"id": "unknown", "type": "complete"})
    await line.listening(0)
    line.engine.tick(1)
    assert await opened.quiet()


async def test_client_that_goes_away_leaves_nothing_behind(line: Line):
    with written_log() as log:
        async with connect(line.url) as socket:
            await socket.init()
            for number in range(LIMITS.operations):
                await socket.subscribe(TICKS, name=str(number))
            await line.listening(LIMITS.operations)
            socket.line.transport.abort()
            await line.listening(0)
    assert list(log) == []


async def test_subscriptions_are_not_for_http(edge: Edge):
    response = await edge.post(TICKS)
    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])
