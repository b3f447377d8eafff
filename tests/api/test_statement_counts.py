"""How many statements a request costs, counted on the connections themselves: one for every compiled query."""

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from asyncpg.connection import Connection
from asyncpg.prepared_stmt import PreparedStatement
from sqlalchemy import insert

from app.embedded import Services
from app.settings import Settings
from commerce.basket import LineDraft
from models.cart import CartDiscount
from models.database import Database
from models.ids import read_id, show_id
from resolvers.root import open_engine
from tests.support import ordering, selling
from tests.support.both_ways import World, open_world
from tests.support.database import copy_of
from tests.support.shop import Shop, open_shop
from tests.support.shop_facts import FACTS
from tests.support.staff import at_work, employed

MONEY = "{ amount currencyCode }"
VARIANT = f"id sku size color price {MONEY} compareAtPrice {MONEY} available quantityAvailable"
REVIEWS = "reviews(first: 3) { edges { node { rating title body publishedAt } } pageInfo { hasNextPage } }"
PRODUCT = (
    f"id slug name description brand {{ name }} categories {{ name parent {{ name }} }} media {{ url alt }} "
    f"variants {{ {VARIANT} }} rating {{ average count histogram }} {REVIEWS} available audience createdAt"
)
LINES = f"lines {{ sku productName quantity unitPrice {MONEY} variant {{ {VARIANT} product {{ slug }} }} }}"
ORDER = (
    f"id number placedAt status total {MONEY} {LINES} contact {{ name email phone }} "
    "shippingAddress { line1 city } billingAddress { line1 } payment { status brand last4 }"
)
ADDRESS = "id label recipientName line1 city kinds"

PUBLIC = {
    "catalogue page": f"{{ products(first: 24, sort: NEWEST) {{ edges {{ cursor node {{ {PRODUCT} }} }} "
    "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
    "shop front": "query ($first: Int! = 3) { shop { name currencies } categories { name } "
    "products(first: $first) { edges { node { name } } } privacyPolicy { version } }",
    "catalogue page with counts": '{ products(first: 5, filter: {category: "shelf-0", search: "linen"}, '
    "sort: RELEVANCE) { totalCount facets { kind values { value label count } } edges { node { name } } } }",
    "page backward": "{ products(last: 5) { edges { node { name } } pageInfo { hasPreviousPage startCursor } } }",
    "product": f'{{ product(slug: "product-1") {{ {PRODUCT} }} }}',
    "shelves": "{ categories { name children { name children { name } } } brands { name } }",
    "several roots": "{ products(first: 2) { totalCount } brands { id } categories { id } __typename }",
    "nothing": '{ product(slug: "no-such") { name } }',
}
OWNED = {
    "me": f"{{ me {{ name email emailVerified addresses {{ {ADDRESS} }} defaultShippingAddress {{ id }} "
    f"orders(first: 5) {{ edges {{ cursor node {{ {ORDER} }} }} pageInfo {{ hasNextPage }} }} "
    "sessions { id current deviceName } } }",
    "me and the catalogue": f"{{ me {{ email }} products(first: 3) {{ edges {{ node {{ {PRODUCT} }} }} }} }}",
}
BY_ID = {
    "order": f"query ($ids: [ID!]!, $id: ID!) {{ order(id: $id) {{ {ORDER} }} nodes(ids: $ids) {{ id }} }}",
    "node": f"query ($id: ID!) {{ node(id: $id) {{ id ... on Order {{ {ORDER} }} ... on Customer {{ email }} }} }}",
    "nodes": f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on Order {{ {LINES} }} "
    "... on Address { line1 } } }",
}


@pytest.fixture(scope="module")
def sent() -> Generator[list[str]]:
    """What all connections of the process are given, in order."""
    found: list[str] = []

    def watch(patch: pytest.MonkeyPatch, cls: Any, method: str, text_of: Callable[..., str]) -> None:
        call = getattr(cls, method)

        def noted(self: Any, *args: Any, **options: Any) -> Any:
            found.append(" ".join(text_of(self, *args).split()))
            return call(self, *args, **options)

        patch.setattr(cls, method, noted)

    with pytest.MonkeyPatch.context() as patch:
        for method in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
            watch(patch, Connection, method, lambda connection, query, *args: query)
        for method in ("executemany", "fetch", "fetchrow", "fetchval"):
            watch(patch, PreparedStatement, method, lambda statement, *args: statement.get_query())
        yield found


@dataclass(frozen=True)
class Counted:
    """The shop, its world, and a count of what is sent for a request once everything is warm."""

    shop: Shop
    world: World
    sent: list[str]
    owner: str

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> tuple[dict[str, Any], list[str]]:
        await self.shop.ask(query, token, **variables)
        self.sent.clear()
        answer = await self.shop.ask(query, token, **variables)
        assert "errors" not in answer, answer
        return answer["data"], list(self.sent)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def counted(settings: Settings, template: str, running: Services, sent: list[str]) -> AsyncGenerator[Counted]:
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        world = await open_world(database, open_engine(facts=FACTS))
        async with open_shop(settings, database, running.redis_url) as shop:
            yield Counted(shop, world, sent, await shop.session(world.people["full"].id))
        await database.close()


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("signed_in", [False, True])
async def test_public_query_is_one_statement(counted: Counted, name: str, signed_in: bool):
    data, sent = await counted.ask(PUBLIC[name], counted.owner if signed_in else None)
    assert data
    assert len(sent) == 1, sent


@pytest.mark.parametrize("name", OWNED)
async def test_owned_query_is_one_statement_that_checks_the_session_too(counted: Counted, name: str):
    data, sent = await counted.ask(OWNED[name], counted.owner)
    assert data["me"]["email"]
    assert len(sent) == 1, sent
    assert "login_session" in sent[0]


async def test_owned_query_of_nobody_is_one_statement(counted: Counted):
    data, sent = await counted.ask(OWNED["me"])
    assert data == {"me": None}
    assert len(sent) == 1, sent


@pytest.mark.parametrize("name", BY_ID)
async def test_query_by_ids_is_one_statement(counted: Counted, name: str):
    person = counted.world.people["full"]
    ids = [*(show_id("ord", key) for key in person.orders), *(show_id("adr", key) for key in person.addresses)]
    ids += [show_id("prd", key) for key in counted.world.catalogue.products]
    data, sent = await counted.ask(BY_ID[name], counted.owner, id=ids[1], ids=ids)
    assert all(data.values())
    assert len(sent) == 1, sent


async def test_statement_that_answered_once_answers_for_other_variables(counted: Counted):
    query = (
        "query ($first: Int!, $search: String!) { products(first: $first, filter: {search: $search}) { totalCount } }"
    )
    _, first = await counted.ask(query, first=3, search="linen")
    _, other = await counted.ask(query, first=7, search="wool")
    assert first == other
    assert len(first) == 1


async def test_read_of_staff_is_one_statement_with_its_record(counted: Counted):
    token = (await at_work(counted.shop.database, await employed(counted.shop.database, "owner"))).token
    headers = {"authorization": f"Bearer {token}", "x-purpose": "ACCESS"}
    query = "{ customers(first: 2) { edges { node { name orders(first: 1) { edges { node { number } } } } } } }"
    for _ in range(2):
        counted.sent.clear()
        answer = (await counted.shop.client.post("/graphql", json={"query": query}, headers=headers)).json()
    assert "errors" not in answer, answer
    assert len(counted.sent) == 1, counted.sent
    assert "access_stamp" in counted.sent[0]
    assert "INSERT INTO data_access" in counted.sent[0]


# ---- mutations


CREATE = (
    "mutation ($input: AddressCreateInput!) { addressCreate(input: $input) "
    f"{{ address {{ {ADDRESS} }} userErrors {{ code }} }} }}"
)
PORTLAND = {"recipientName": "Ana", "line1": "1 Main St", "city": "Portland", "region": "OR", "postalCode": "97201"}


async def test_payload_is_read_by_one_statement_after_the_transaction(counted: Counted):
    token = await counted.shop.session(counted.world.people["new"].id)
    data, sent = await counted.ask(CREATE, token, input=PORTLAND | {"countryCode": "US"})
    assert data["addressCreate"]["address"]["city"] == "PORTLAND"
    begun, ended = sent.index("BEGIN"), sent.index("COMMIT")
    identified, written, read = sent[:begun], sent[begun + 1 : ended], sent[ended + 1 :]
    assert (len(identified), len(written), len(read)) == (1, 4, 1), sent
    assert "login_session" in identified[0]
    assert written[-1].startswith("INSERT INTO address")
    assert "address" in read[0]


async def test_payload_without_its_entity_reads_nothing(counted: Counted):
    token = await counted.shop.session(counted.world.people["new"].id)
    query = "mutation ($input: AddressCreateInput!) { addressCreate(input: $input) { userErrors { code } } }"
    _, sent = await counted.ask(query, token, input=PORTLAND | {"countryCode": "US"})
    assert sent[-1] == "COMMIT"


async def test_refused_mutation_begins_no_transaction(counted: Counted):
    counted.sent.clear()
    answer = await counted.shop.ask(CREATE, None, input=PORTLAND | {"countryCode": "US"})
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert counted.sent == []


@pytest.mark.parametrize(
    "query", ["{ products(first: 1) { nope } }", "{", "query A { me { id } } query B { me { id } }"]
)
async def test_wrong_document_reaches_no_database(counted: Counted, query: str):
    counted.sent.clear()
    assert (await counted.shop.ask(query, counted.owner))["errors"]
    assert counted.sent == []


# ---- carts


CART_LINE = f"id quantity giftMessage unitPrice {MONEY} total {MONEY} discountTotal {MONEY} variant {{ {VARIANT} }}"
CART = (
    f"cart {{ id version total {MONEY} subtotal {MONEY} discountTotal {MONEY} lines {{ {CART_LINE} "
    f"alterations {{ kind price {MONEY} }} }} warnings {{ code }} discountCodes {{ code applicable }} }}"
)
CART_CREATE = f"mutation ($input: CartCreateInput!) {{ cartCreate(input: $input) {{ cartToken {CART} }} }}"
CART_ADD = f"mutation ($input: CartLinesAddInput!) {{ cartLinesAdd(input: $input) {{ {CART} userErrors {{ code }} }} }}"


@pytest.mark.parametrize("signed_in", [False, True])
async def test_cart_add_is_three_statements_one_that_says_who_asks_and_one_for_codes(counted: Counted, signed_in: bool):
    token = await counted.shop.session(counted.world.people["new"].id) if signed_in else None
    variant = await counted.shop.database.transact(selling.variant)
    made = (await counted.ask(CART_CREATE, token, input={"currencyCode": "USD"}))[0]["cartCreate"]
    headers = {"authorization": f"Bearer {token}"} if token else {"x-cart-token": made["cartToken"]}
    line = {"variantId": show_id("var", variant), "quantity": 1, "giftMessage": "For Ida"}
    body = {"query": CART_ADD, "variables": {"input": {"cartId": made["cart"]["id"], "lines": [line]}}}

    async def add(quantity: int) -> list[str]:
        """What was sent to make the line this long."""
        counted.sent.clear()
        answer = (await counted.shop.client.post("/graphql", json=body, headers=headers)).json()
        assert answer["data"]["cartLinesAdd"]["userErrors"] == []
        assert [one["quantity"] for one in answer["data"]["cartLinesAdd"]["cart"]["lines"]] == [quantity]
        return [*counted.sent]

    await add(1)
    plain = await add(2)
    assert len(plain) == (4 if signed_in else 3), plain
    loaded, written, read = plain[-3:]
    assert "json_agg" in loaded
    assert "INSERT INTO cart_line" in written
    assert "cart_line" in read
    cart_id = read_id("crt", made["cart"]["id"])
    assert cart_id is not None
    await counted.shop.database.transact(partial(_enter, cart_id=cart_id))
    await add(3)
    assert len(await add(4)) == len(plain) + 1


async def _enter(transaction: Any, cart_id: UUID) -> None:
    """Enters a code into the cart."""
    code = await selling.discount(transaction, f"CODE-{cart_id.hex[-8:].upper()}")
    await transaction.execute(insert(CartDiscount).values(cart_id=cart_id, discount_id=code, position=0))


# ---- orders

ORDER_PLACE = (
    "mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) "
    f"{{ order {{ {ORDER} }} userErrors {{ code }} }} }}"
)


async def test_order_is_five_statements_of_which_two_write(counted: Counted):
    """Nine with measurements and a code that each customer may use so often, which tests/rules/orders counts."""
    database = counted.shop.database
    await database.transact(ordering.open_counter)
    who = await database.transact(ordering.buyer)
    variant = await database.transact(selling.variant)
    token = await counted.shop.session(who.account_id)
    for number in range(2):
        purchase = await database.transact(
            lambda t: ordering.in_cart(t, who, LineDraft(variant, 2), total=ordering.TOTAL)
        )
        assert purchase.cart.key is not None
        address = show_id("adr", who.address_id)
        given = {
            "cartId": show_id("crt", purchase.cart.key),
            "expectedTotal": {"amount": str(purchase.expected.amount), "currencyCode": "USD"},
            "shippingAddressId": address,
            "billingAddressId": address,
            "shippingMethod": "standard",
            "gatewayToken": "tok_visa",
            "idempotencyKey": f"key {number}",
        }
        counted.sent.clear()
        answer = await counted.shop.ask(ORDER_PLACE, token, input=given)
        assert answer["data"]["orderPlace"]["userErrors"] == []
    sent = counted.sent
    identified, found, written, settled, read = sent
    assert "login_session" in identified
    assert "FROM account LEFT OUTER JOIN cart" in found
    assert written.startswith("WITH begun AS (UPDATE cart SET placing_id")
    assert settled.startswith("WITH moved AS (UPDATE orders SET")
    assert "order_line" in read
