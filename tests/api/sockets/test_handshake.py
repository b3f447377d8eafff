"""Who gets a socket, and who speaks over it (ASVS 4.4.2)."""

import asyncio
from typing import Any

import orjson
import pytest
import websockets

from tests.support.log import written_log
from tests.support.sockets import LIMITS, LISTED, Line, Socket, connect

ME = "{ me { name } }"
SIGNED_IN = {"data": {"me": {"name": "CUSTOMER"}}}
NOBODY = {"data": {"me": None}}


# ---- the handshake


async def test_subprotocol_is_negotiated(line: Line):
    async with connect(line.url, subprotocols=["graphql-ws", "graphql-transport-ws"]) as socket:
        assert socket.line.subprotocol == "graphql-transport-ws"
        await socket.init()


@pytest.mark.parametrize("offered", [[], ["graphql-ws"], ["GRAPHQL-TRANSPORT-WS"]], ids=["none", "old", "capitals"])
async def test_other_subprotocols_are_refused(line: Line, offered: list[str]):
    async with connect(line.url, subprotocols=offered) as socket:
        assert socket.line.subprotocol is None
        assert await socket.closed() == 4406


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.example", "http://"])
async def test_page_of_another_site_is_not_connected(line: Line, origin: str):
    with written_log() as log, pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(line.url, origin=origin):
            pass
    assert list(log) == []
    response = refused.value.response
    assert response.status_code == 403
    assert response.headers["cache-control"] == "no-store"
    assert [error["extensions"]["code"] for error in orjson.loads(response.body)["errors"]] == ["BAD_REQUEST"]


async def test_pages_of_this_host_and_of_listed_origins_are_connected(line: Line):
    for origin in (line.url, LISTED):
        async with connect(line.url, origin=origin) as socket:
            await socket.init()


async def test_handshake_with_endless_headers_is_refused(line: Line):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(line.url, headers={f"x-{number}": "a" * 4000 for number in range(9)}):
            pass
    assert refused.value.response.status_code == 431


@pytest.mark.parametrize(
    "headers", [{"x-long": "a" * 9000}, {f"x-{number}": "a" for number in range(200)}], ids=["long", "many"]
)
async def test_handshake_with_headers_that_are_not_read_is_answered(line: Line, headers: dict[str, str]):
    with written_log() as log, pytest.raises(websockets.InvalidStatus) as refused:
        async with asyncio.timeout(5), connect(line.url, headers=headers):
            pass
    assert refused.value.response.status_code == 400
    assert list(log) == []


async def test_handshake_that_says_a_thing_twice_is_refused(line: Line):
    headers: Any = [("authorization", "Bearer a"), ("authorization", "Bearer b")]
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(line.url, headers=headers):
            pass
    assert refused.value.response.status_code == 400


# ---- the first message


async def test_socket_without_a_first_message_is_closed(raw: Socket):
    assert await raw.closed() == 4408


async def test_pings_do_not_put_off_the_first_message(raw: Socket):
    async def ping() -> None:
        while True:
            await raw.send({"type": "ping"})
            await asyncio.sleep(0.05)

    pinging = asyncio.create_task(ping())
    try:
        assert await raw.closed() == 4408
    finally:
        pinging.cancel()


async def test_socket_with_its_first_message_stays(opened: Socket):
    assert await opened.quiet(LIMITS.init_seconds * 1.5)
    assert await opened.ask("{ hello }") == {"data": {"hello": "Hello, you"}}


async def test_operation_before_the_first_message_is_unauthorized(raw: Socket):
    await raw.subscribe("{ hello }")
    assert await raw.closed() == 4401


async def test_second_first_message_is_one_too_many(opened: Socket):
    await opened.send({"type": "connection_init"})
    assert await opened.closed() == 4429


async def test_first_messages_at_once_are_one_too_many(raw: Socket):
    await raw.send({"type": "connection_init"})
    await raw.send({"type": "connection_init"})
    assert await raw.closed() == 4429


# ---- who speaks


@pytest.mark.parametrize("payload", [{"Authorization": "Bearer lys_a"}, {"authorization": "bearer lys_a", "x": 7}])
async def test_credentials_of_the_first_message_count(raw: Socket, payload: dict[str, Any]):
    await raw.init(**payload)
    assert await raw.ask(ME) == SIGNED_IN


async def test_credentials_of_the_first_message_go_before_those_of_the_handshake(line: Line):
    for payload, answer in (({}, SIGNED_IN), ({"Authorization": None}, SIGNED_IN), ({"Authorization": "x"}, NOBODY)):
        async with connect(line.url, headers={"authorization": "Bearer lys_a"}) as socket:
            await socket.init(**payload)
            assert await socket.ask(ME) == answer


async def test_cookie_counts_for_pages_of_the_shop_alone(line: Line):
    cookie = {"cookie": "__Host-layette=lys_a"}
    for more, answer in (
        ({"origin": line.url}, SIGNED_IN),
        ({"origin": LISTED}, SIGNED_IN),
        ({"x-layette-csrf": "1"}, SIGNED_IN),
        ({"content-type": "application/json"}, NOBODY),
        ({}, NOBODY),
    ):
        async with connect(line.url, headers={**cookie, **more}) as socket:
            await socket.init()
            assert await socket.ask(ME) == answer, more
