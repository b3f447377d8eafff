"""What partners' requests cost, what is counted of them, and that their keys are kept nowhere."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest_asyncio
from redis.asyncio import Redis

from app.embedded import Services
from app.http.persisted import digest
from app.settings import Settings
from auth.tokens import Kind, new_token
from commerce import partner as partners
from models.database import Database, asyncpg_arguments
from tests.support.log import written_log
from tests.support.partner import changed, key_of, last_used, partner_and_key, written_usage
from tests.support.partner_calls import CATALOGUE, KIND, WHO, bearing, kind_of, post, remaining
from tests.support.redis_line import redis_line
from tests.support.shop import Shop, open_shop

OpenShop = Callable[..., Awaitable[Shop]]

DEAR = """query ($first: Int!) { products(first: $first) { edges { node {
  variants { id sku } reviews(first: 9) { edges { node { id rating body } } } } } } }"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(shop_with: OpenShop) -> Shop:
    return await shop_with()


async def test_every_answer_to_a_partner_tells_its_budget(shop: Shop):
    partner_id, key = await partner_and_key(shop.database)
    other = await shop.database.transact(lambda t: key_of(t, partner_id))
    answers = [
        await post(shop, key.text),
        await post(shop, other.text, KIND),
        await post(shop, key.text, "{ nothing }"),
        await post(shop, key.text, "{ partners(first: 1) { edges { cursor } } }"),
        await post(shop, key.text, "mutation { signOut { signedOut } }"),
        await shop.client.post("/graphql", content=b"{", headers=bearing(key.text)),
        await shop.client.put("/graphql", headers=bearing(other.text)),
        await shop.client.post(
            "/graphql",
            json={"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest("x")}}},
            headers=bearing(key.text),
        ),
    ]
    assert [remaining(answer) for answer in answers] == list(range(599, 591, -1))
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=600;w=60'}
    assert [answer.status_code for answer in answers] == [200, 200, 400, 200, 200, 415, 405, 200]


async def test_used_up_budget_is_refused_until_it_is_whole_again(shop_with: OpenShop):
    shop = await shop_with(rate_scale=0.01)  # six a minute
    partner_id, key = await partner_and_key(shop.database)
    spare = await shop.database.transact(lambda t: key_of(t, partner_id))
    _, another = await partner_and_key(shop.database)
    answers = await asyncio.gather(*(post(shop, key.text) for _ in range(9)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [answer.status_code for answer in answers].count(200) == 6
    assert len(refused) == 3
    for answer in [*refused, await post(shop, spare.text)]:
        (error,) = answer.json()["errors"]
        wait = int(answer.headers["retry-after"])
        assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": wait}
        assert 50 < wait <= 60
        assert remaining(answer) == 0
        assert "data" not in answer.json()
    assert (await post(shop, another.text)).status_code == 200
    assert (await shop.client.post("/graphql", json={"query": CATALOGUE})).status_code == 200


async def test_dear_request_costs_more(shop: Shop):
    _, key = await partner_and_key(shop.database)

    async def cost(**variables: Any) -> int:
        before = remaining(await post(shop, key.text, KIND))
        answer = await shop.client.post(
            "/graphql", json={"query": DEAR, "variables": variables}, headers=bearing(key.text)
        )
        assert answer.status_code == 200
        return before - remaining(answer)

    assert await cost(first=5) == 1
    assert 3 < await cost(first=100) < 11
    assert await cost(first=5) == 1


async def test_request_that_is_too_dear_for_what_is_left_is_not_executed(shop_with: OpenShop):
    shop = await shop_with(rate_scale=0.01)
    _, key = await partner_and_key(shop.database)
    dear = "{ products(first: 100) { edges { node { reviews(first: 9) { edges { node { id rating body } } } } } } }"
    assert (await post(shop, key.text)).status_code == 200
    assert (await post(shop, key.text)).status_code == 200
    answer = await post(shop, key.text, dear)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert remaining(answer) == 3
    assert (await post(shop, key.text)).status_code == 200


async def test_budget_holds_while_redis_is_away(shop_with: OpenShop, running: Services):
    async with redis_line(running.redis_url) as line:
        shop = await shop_with(line.url, rate_scale=0.005)  # three a minute
        _, key = await partner_and_key(shop.database)
        assert remaining(await post(shop, key.text)) == 2
        await line.cut()
        answers = [await post(shop, key.text) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert [remaining(answer) for answer in answers] == [2, 1, 0, 0, 0]
        await line.mend()


# ---- what it leaves behind


async def test_usage_is_written_when_the_process_ends(
    shop_with: OpenShop, settings: Settings, committed_database: Database, running: Services
):
    partner_id, key = await partner_and_key(committed_database)
    revoked = await committed_database.transact(lambda t: key_of(t, partner_id))
    await committed_database.transact(lambda t: partners.revoke_key(t, revoked.key_id))
    own = settings.model_copy(update={"rate_scale": 0.005})
    async with open_shop(own, committed_database, running.redis_url) as shop:
        begun = datetime.now(UTC)
        answers = [await post(shop, key.text) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert await kind_of(shop, revoked.text) == "ANONYMOUS"
        assert await kind_of(shop, new_token(Kind.PARTNER_KEY).text) == "ANONYMOUS"
    assert await written_usage(committed_database, partner_id) == (6, 3)
    used = await last_used(committed_database, key.key_id)
    assert used is not None
    assert begun <= used <= datetime.now(UTC)
    assert await last_used(committed_database, revoked.key_id) is None
    shop = await shop_with()
    usage = "{ viewer { partner { keys { lastUsedAt } usage(days: 1) { date requests refused } } } }"
    shown = (await post(shop, key.text, usage)).json()["data"]["viewer"]["partner"]
    assert [(day["requests"], day["refused"]) for day in shown["usage"]] == [(6, 3)]
    assert len([one for one in shown["keys"] if one["lastUsedAt"]]) == 1


async def test_key_is_in_no_table_no_log_and_no_answer_but_the_first(shop: Shop, redis: Redis):
    partner_id, key = await partner_and_key(shop.database, networks=("127.0.0.0/8",))
    secret = key.text[10:]
    with written_log() as log:
        for query in (WHO, CATALOGUE, "{ nothing }", f'{{ node(id: "{key.text}") {{ id }} }}'):
            assert secret not in (await post(shop, key.text, query)).text
        assert secret not in (await shop.client.get("/graphql", params={"query": WHO, "variables": key.text})).text
        await changed(shop.database, partner_id, disabled=True)
        await post(shop, key.text)
    assert secret not in log.text
    assert secret not in str([await redis.dump(name) for name in await redis.keys()])
    assert secret not in str(await redis.keys())
    assert not [table for table, text in await everything(shop.database) if secret in text]


async def everything(database: Database) -> list[tuple[str, str]]:
    """Every row of every table as text, bytes as they are and as hex."""
    connection = await asyncpg.connect(**asyncpg_arguments(database.url))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = []
        for (table,) in tables:
            for (text,) in await connection.fetch(f'SELECT t::text FROM "{table}" t'):
                rows.append((table, text))
                rows += [
                    (table, bytes.fromhex(found).decode("latin-1")) for found in re.findall(r"\\x([0-9a-f]+)", text)
                ]
        return rows
    finally:
        await connection.close()
