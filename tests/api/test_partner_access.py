"""Requests with partners' keys: who they are, what they read, which keys are good, and from where."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from app.embedded import Services
from auth.partner_keys import IssuedKey
from auth.tokens import Kind, new_token
from commerce import partner as partners
from models.database import Database, ReadPool
from models.ids import show_id
from tests.support.address import account
from tests.support.login_session import PASSWORD, email_of
from tests.support.partner import change_key, changed, key_of, partner_and_key
from tests.support.partner_calls import CATALOGUE, WHO, bearing, kind_of, post
from tests.support.redis_line import redis_line
from tests.support.shop import Shop
from tests.support.sign_in import SIGN_IN, signed_up

OpenShop = Callable[..., Awaitable[Shop]]

CREATE_ADDRESS = """mutation { addressCreate(input: {recipientName: "Ana", line1: "1 Main St", city: "Portland",
  region: "OR", postalCode: "97201", countryCode: "US"}) { address { id } } }"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(shop_with: OpenShop) -> Shop:
    return await shop_with()


# ---- who it is, and what it reads


async def test_partner_learns_who_it_is(shop: Shop):
    _, key = await partner_and_key(shop.database)
    answer = (await post(shop, key.text, WHO)).json()
    assert answer["data"]["viewer"]["kind"] == "PARTNER"
    assert answer["data"]["viewer"]["permissions"] == ["reviews:read"]
    assert answer["data"]["viewer"]["partner"]["name"].startswith("Partner ")


async def test_session_is_no_partner_and_a_key_is_no_session(shop: Shop):
    customer = await shop.session(await shop.database.transact(account))
    viewer = (await shop.ask("{ viewer { kind partner { id } session { id } } }", customer))["data"]["viewer"]
    assert (viewer["kind"], viewer["partner"]) == ("CUSTOMER", None)
    assert viewer["session"] is not None
    _, key = await partner_and_key(shop.database)
    viewer = (await shop.ask("{ viewer { kind partner { id } session { id } } }", key.text))["data"]["viewer"]
    assert (viewer["kind"], viewer["session"]) == ("PARTNER", None)
    assert viewer["partner"] is not None


async def test_partner_reads_nothing_that_somebody_owns(shop: Shop):
    owner = await shop.database.transact(account)
    token = await shop.session(owner)
    address = (await shop.ask(CREATE_ADDRESS, token))["data"]["addressCreate"]["address"]["id"]
    _, key = await partner_and_key(shop.database)
    assert (await shop.ask("{ me { id name email addresses { id } } }", key.text)) == {"data": {"me": None}}
    for shown in (address, show_id("cus", owner), show_id("ses", owner), show_id("ord", owner)):
        node = "query ($id: ID!) { node(id: $id) { id __typename } nodes(ids: [$id]) { id } order(id: $id) { id } }"
        answer = await shop.ask(node, key.text, id=shown)
        assert answer["data"] == {"node": None, "nodes": [None], "order": None}, shown
    for mutation in (CREATE_ADDRESS, "mutation { sessionsRevokeOthers { revokedCount } }"):
        answer = await shop.ask(mutation, key.text)
        assert answer["data"] is None
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert (await shop.ask("{ me { addresses { id } } }", token))["data"]["me"]["addresses"] == [{"id": address}]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that connections for reading are given."""
    sent: list[str] = []
    watched: set[asyncpg.Connection] = set()
    acquire = ReadPool.acquire

    async def watch(self: ReadPool) -> asyncpg.Connection:
        connection = await acquire(self)
        if connection not in watched:
            watched.add(connection)
            connection.add_query_logger(lambda record: sent.append(" ".join(record.query.split())))
        return connection

    monkeypatch.setattr(ReadPool, "acquire", watch)
    return sent


async def test_read_of_a_partner_is_one_statement_after_the_one_that_finds_it(shop: Shop, reads: list[str]):
    partner_id, key = await partner_and_key(shop.database)
    oneself = f'{{ node(id: "{show_id("prt", partner_id)}") {{ id ... on Partner {{ name keys {{ id }} }} }} }}'
    for query in (CATALOGUE, "{ shop { name } }", oneself, CATALOGUE, oneself):
        reads.clear()
        assert "errors" not in (await post(shop, key.text, query)).json()
        await asyncio.sleep(0)  # loggers are called by the event loop
        assert "partner_key.key_digest = $1" in reads[0]
        assert not [sql for sql in reads[1:] if "key_digest" in sql]
        assert len(reads) == 2, query


async def test_answers_of_public_data_are_the_same_bytes_for_partners(shop: Shop):
    _, key = await partner_and_key(shop.database)
    anonymous = await shop.client.post("/graphql", json={"query": CATALOGUE})
    assert (await post(shop, key.text)).content == anonymous.content
    assert "ratelimit" not in anonymous.headers


async def test_answers_to_partners_are_for_no_shared_cache(shop: Shop):
    _, key = await partner_and_key(shop.database)
    for headers, expected in (({}, "public, max-age=60"), (bearing(key.text), "private, max-age=60")):
        for _ in range(2):
            found = await shop.client.get("/graphql", params={"query": CATALOGUE}, headers=headers)
            assert found.headers["cache-control"] == expected
            assert ("ratelimit" in found.headers) is bool(headers)
            again = {**headers, "if-none-match": found.headers["etag"]}
            unchanged = await shop.client.get("/graphql", params={"query": CATALOGUE}, headers=again)
            assert (unchanged.status_code, unchanged.headers["cache-control"]) == (304, expected)
            assert ("ratelimit" in unchanged.headers) is bool(headers)


async def test_sign_in_with_a_key_in_the_header_is_an_ordinary_one(shop: Shop):
    account_id = await signed_up(shop.database)
    _, key = await partner_and_key(shop.database)
    answer = await shop.ask(SIGN_IN, key.text, input={"identifier": email_of(account_id), "password": PASSWORD})
    assert answer["data"]["signIn"]["session"]["token"].startswith("lys_")
    assert await kind_of(shop, key.text) == "PARTNER"


# ---- which keys are good


async def test_key_that_is_no_good_is_an_anonymous_caller(shop: Shop):
    _, key = await partner_and_key(shop.database)
    assert await kind_of(shop, key.text) == "PARTNER"
    wrong = key.text[:-1] + ("0" if key.text[-1] != "0" else "1")
    unknown = new_token(Kind.PARTNER_KEY).text
    for text in (wrong, unknown, key.text[:-1], key.text.lower(), "lyp_", new_token(Kind.TILL_KEY).text):
        answer = await post(shop, text, "{ viewer { kind permissions partner { id } } }")
        assert answer.json() == {"data": {"viewer": {"kind": "ANONYMOUS", "permissions": [], "partner": None}}}, text
        assert "ratelimit" not in answer.headers
        assert (await post(shop, text)).json()["data"]["products"]["totalCount"] == 0
    await change_key(shop.database, key.key_id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await kind_of(shop, key.text) == "ANONYMOUS"


async def test_several_keys_are_good_until_each_is_revoked(shop: Shop):
    partner_id, old = await partner_and_key(shop.database)
    new = await shop.database.transact(lambda t: key_of(t, partner_id))
    assert [await kind_of(shop, key.text) for key in (old, new)] == ["PARTNER", "PARTNER"]
    await shop.database.transact(lambda t: partners.revoke_key(t, old.key_id))
    assert [await kind_of(shop, key.text) for key in (old, new)] == ["ANONYMOUS", "PARTNER"]


async def test_revocation_holds_for_every_process_and_with_redis_away(
    shop_with: OpenShop, running: Services, committed_database: Database
):
    async with redis_line(running.redis_url) as line:
        shops = [await shop_with(), await shop_with(line.url)]
        partner_id, key = await partner_and_key(committed_database)
        assert [await kind_of(shop, key.text) for shop in shops] == ["PARTNER", "PARTNER"]
        await line.cut()
        await committed_database.transact(lambda t: partners.revoke_key(t, key.key_id))
        assert [await kind_of(shop, key.text) for shop in shops] == ["ANONYMOUS", "ANONYMOUS"]
        await line.mend()
        assert [await kind_of(shop, key.text) for shop in shops] == ["ANONYMOUS", "ANONYMOUS"]
        await changed(committed_database, partner_id, disabled=True)


async def test_what_a_partner_loses_is_lost_with_the_next_request(shop: Shop):
    partner_id, key = await partner_and_key(shop.database)
    assert (await post(shop, key.text, WHO)).json()["data"]["viewer"]["permissions"] == ["reviews:read"]
    await changed(shop.database, partner_id, scopes=[])
    assert (await post(shop, key.text, WHO)).json()["data"]["viewer"]["permissions"] == []
    await changed(shop.database, partner_id, disabled=True)
    assert await kind_of(shop, key.text) == "ANONYMOUS"


async def test_uses_that_meet_a_revocation_are_never_answered_after_it(shop: Shop):
    for _ in range(3):
        _, key = await partner_and_key(shop.database)
        revoked, late = asyncio.Event(), []

        async def use(key: IssuedKey = key, revoked: asyncio.Event = revoked, late: list[str] = late) -> None:
            for _ in range(15):
                over = revoked.is_set()
                kind = await kind_of(shop, key.text)
                if over:
                    late.append(kind)

        async def revoke(key: IssuedKey = key, revoked: asyncio.Event = revoked) -> None:
            await asyncio.sleep(0.02)
            assert isinstance(await shop.database.transact(lambda t: partners.revoke_key(t, key.key_id)), UUID)
            revoked.set()

        await asyncio.gather(revoke(), *(use() for _ in range(4)))
        assert set(late) == {"ANONYMOUS"}


# ---- from where


async def test_key_is_good_from_the_address_of_the_socket_alone(shop: Shop):
    _, inside = await partner_and_key(shop.database, networks=("127.0.0.0/8",))
    _, outside = await partner_and_key(shop.database, networks=("203.0.113.0/24",))
    assert await kind_of(shop, inside.text) == "PARTNER"
    assert await kind_of(shop, inside.text, forwarded="203.0.113.7") == "PARTNER"
    assert await kind_of(shop, outside.text, forwarded="203.0.113.7") == "ANONYMOUS"


FORWARDED = {
    "203.0.113.7": "PARTNER",
    "198.51.100.1": "ANONYMOUS",
    "203.0.113.7, 198.51.100.1": "ANONYMOUS",
    "198.51.100.1, 203.0.113.7": "PARTNER",
    "203.0.113.7:4711": "PARTNER",
    "2001:db8:1::5": "PARTNER",
    "[2001:db8:1::5]:4711": "PARTNER",
    "2001:db8:2::5": "ANONYMOUS",
    "::ffff:203.0.113.7": "PARTNER",
    "nonsense": "ANONYMOUS",
}


async def test_key_is_good_from_the_address_that_a_trusted_proxy_tells(shop_with: OpenShop):
    shop = await shop_with(trusted_proxies=(ip_network("127.0.0.0/8"),))
    _, key = await partner_and_key(shop.database, networks=("203.0.113.0/24", "2001:db8:1::/48"))
    assert {told: await kind_of(shop, key.text, told) for told in FORWARDED} == FORWARDED
