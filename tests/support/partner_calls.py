"""Calls with partners' keys, for tests."""

import re

import httpx

from tests.support.shop import Shop

WHO = "{ viewer { kind permissions partner { name } } }"
KIND = "{ viewer { kind } }"
CATALOGUE = "{ products(first: 3) { totalCount edges { node { name } } } }"

_LEFT = re.compile(r'"default";r=(\d+);t=(\d+)')


def bearing(key: str) -> dict[str, str]:
    """The header that brings a key."""
    return {"authorization": f"Bearer {key}"}


async def post(shop: Shop, key: str, query: str = CATALOGUE, forwarded: str | None = None) -> httpx.Response:
    """The answer to a query with the key, from an address that a proxy tells."""
    told = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return await shop.client.post("/graphql", json={"query": query}, headers=bearing(key) | told)


async def kind_of(shop: Shop, key: str, forwarded: str | None = None) -> str:
    return (await post(shop, key, KIND, forwarded)).json()["data"]["viewer"]["kind"]


def remaining(response: httpx.Response) -> int:
    """What the answer says is left of the budget."""
    found = _LEFT.fullmatch(response.headers["ratelimit"])
    assert found, response.headers
    return int(found[1])
