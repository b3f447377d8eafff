"""What depends on X-Cart-Token is nobody's to keep, neither caches on the way nor documents that are persisted."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.asgi import create_app
from app.embedded import Services
from app.http.persisted import PREFIX, digest
from app.settings import Settings
from tests.support.edge import codes
from tests.support.shop import Shop, copied_shop, engine
from tests.support.sockets import connect, serving

CREATE = "mutation { cartCreate(input: {currencyCode: USD}) { cart { id } cartToken } }"
PUBLIC = "shop { name }"
CART = "{ id version currencyCode lines { id } total { amount } }"
READS = {
    "cart": f"query ($id: ID!) {{ cart(id: $id) {CART} }}",
    "node": f"query ($id: ID!) {{ cart: node(id: $id) {{ ... on Cart {CART} }} }}",
    "beside the catalogue": f"query ($id: ID!) {{ categories {{ id }} cart(id: $id) {CART} }}",
    "computed": f"query ($id: ID!) {{ {PUBLIC} cart(id: $id) {CART} }}",
    "only the id": "query ($id: ID!) { cart(id: $id) { id } }",
}


@dataclass
class Held:
    """The shop, and a cart that whoever has the token holds."""

    shop: Shop
    id: str
    token: str = field(repr=False)

    async def get(self, token: str | None, **parameters: Any) -> httpx.Response:
        headers = {"x-cart-token": token} if token else {}
        texts = {name: one if isinstance(one, str) else orjson.dumps(one).decode() for name, one in parameters.items()}
        return await self.shop.client.get("/graphql", params=texts, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(settings: Settings, template: str, running: Services) -> AsyncGenerator[Shop]:
    async with copied_shop(settings, template, running) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def held(opened: Shop) -> Held:
    made = (await opened.ask(CREATE))["data"]["cartCreate"]
    return Held(opened, made["cart"]["id"], made["cartToken"])


@pytest.mark.parametrize("query", READS.values(), ids=READS)
@pytest.mark.parametrize("first", ["its holder", "others"])
async def test_cart_is_kept_by_nobody_on_the_way(held: Held, query: str, first: str):
    """Whoever asks first, and though others asked the same document a moment ago."""
    holder, others = held.token, [None, "lyk_nonsense", held.token[:-1]]
    callers = [holder, *others, holder] if first == "its holder" else [*others, holder, *others]
    for token in callers:
        answer = await held.get(token, query=query, variables={"id": held.id})
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        cart = answer.json()["data"]["cart"]
        assert (cart["id"] == held.id) if token == holder else cart is None, token


async def test_tag_of_a_public_answer_does_not_stand_for_a_cart(held: Held):
    query = f"query ($id: ID!, $with: Boolean!) {{ categories {{ id }} cart(id: $id) @include(if: $with) {CART} }}"
    without = await held.get(held.token, query=query, variables={"id": held.id, "with": False})
    assert without.headers["cache-control"].startswith("public")
    for tag in (without.headers["etag"], "*"):
        headers = {"x-cart-token": held.token, "if-none-match": tag}
        parameters = {"query": query, "variables": orjson.dumps({"id": held.id, "with": True}).decode()}
        answer = await held.shop.client.get("/graphql", params=parameters, headers=headers)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.json()["data"]["cart"]["id"] == held.id


async def test_document_that_spells_a_cart_is_not_persisted(held: Held, redis: Redis):
    text = f'{{ cart(id: "{held.id}") {{ id }} }}'
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}
    for _ in range(2):
        assert (await held.get(held.token, query=text, extensions=extensions)).json()["data"]["cart"]["id"] == held.id
        assert codes(await held.get(held.token, extensions=extensions)) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert await redis.keys(f"{PREFIX}*") == []


async def test_persisted_document_answers_each_by_their_own_token(held: Held, redis: Redis):
    text = READS["only the id"]
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}
    asked = {"extensions": extensions, "variables": {"id": held.id}}
    for token in (held.token, None, held.token):
        answer = await held.get(token, query=text, **asked)
        assert (answer.json()["data"]["cart"] is None) == (token is None)
        again = await held.get(token, **asked)
        assert (again.json(), again.headers["cache-control"]) == (answer.json(), "no-store")
    assert [await redis.get(key) for key in await redis.keys(f"{PREFIX}*")] == [text.encode()]


async def test_socket_holds_the_cart_whose_token_its_first_message_brings(
    held: Held, settings: Settings, running: Services
):
    app = create_app(settings, Services(held.shop.database.url, running.redis_url), engine_of=lambda *_: engine())
    async with serving(app) as url:
        for payload, holds in (
            ({"X-Cart-Token": held.token}, True),
            ({"x-cart-token": "lyk_nonsense"}, False),
            ({}, False),
        ):
            async with connect(url) as socket:
                await socket.init(**payload)
                answer = await socket.ask(READS["cart"], id=held.id)
                assert (answer["data"]["cart"] is not None) == holds
