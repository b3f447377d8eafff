"""Web frontends of other origins may call from a browser where they are listed, and nowhere else."""

from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio

from app.http.cors import Origins
from app.http.endpoint import Options
from tests.support.edge import Edge, open_edge

SHOP, OTHER = "https://shop.example", "https://evil.example"


@pytest_asyncio.fixture
async def listed() -> AsyncGenerator[Edge]:
    async with open_edge(options=Options(Origins([SHOP + "/"]))) as edge:
        yield edge


async def preflight(edge: Edge, origin: str) -> httpx.Response:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization",
    }
    return await edge.client.options("/graphql", headers=headers)


async def test_listed_origin_may_send_its_credentials(listed: Edge):
    allowed = await preflight(listed, SHOP)
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert allowed.headers["access-control-allow-credentials"] == "true"
    assert allowed.headers["access-control-allow-methods"] == "GET, POST"
    names = allowed.headers["access-control-allow-headers"].lower()
    assert all(name in names for name in ("content-type", "authorization", "x-purpose", "x-cart-token", "x-channel"))


async def test_listed_origin_may_read_answers_and_errors(listed: Edge):
    for query in ("{ hello }", "{ x }"):
        response = await listed.post(query, headers={"origin": SHOP})
        assert response.headers["access-control-allow-origin"] == SHOP
        assert "Retry-After" in response.headers["access-control-expose-headers"]
        assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize("origin", [OTHER, "null", "https://shop.example.evil.example", "http://shop.example", "*"])
async def test_other_origins_are_given_no_leave(listed: Edge, origin: str):
    for response in (await preflight(listed, origin), await listed.post("{ hello }", headers={"origin": origin})):
        assert not [name for name in response.headers if name.startswith("access-control-")]
        assert "Origin" in response.headers["vary"]


async def test_public_answer_varies_by_origin_and_media_type(listed: Edge):
    response = await listed.client.get("/graphql", params={"query": "{ hello }"})
    assert {name.strip() for name in response.headers["vary"].split(",")} == {"Accept", "Origin"}


async def test_nobody_is_listed_by_default(edge: Edge):
    for response in (await preflight(edge, SHOP), await edge.post("{ hello }", headers={"origin": SHOP})):
        assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("everyone", ["*", "https://*.shop.example", "null"])
def test_list_that_lets_in_everyone_is_no_list(everyone: str):
    with pytest.raises(ValueError, match="Name each web origin"):
        Origins([everyone])
