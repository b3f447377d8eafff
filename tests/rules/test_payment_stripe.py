"""The shop with Stripe for its gateway: orders, saved cards and refunds come to the same ends as with the local one."""

import secrets
from collections.abc import AsyncGenerator, Generator

import pytest
import pytest_asyncio
from sqlalchemy import select

from app import connections, payments_work
from app.settings import Settings
from commerce import payment, payment_event, placing, reconciling
from commerce.basket import LineDraft
from commerce.payment import Wallet
from commerce.placing import Desk, Placed
from gateways.jobs import Jobs
from gateways.payments import GatewayEvent
from gateways.payments.stripe import StripeGateway
from models.classification import Channel
from models.ids import show_id
from models.payment import Charge, PaymentMethod
from tests.support import ordering, selling
from tests.support.account import Post
from tests.support.database import RolledBackDatabase
from tests.support.ordering import Buyer, Purchase, books, buyer, codes_of, in_cart, open_counter, place
from tests.support.payments import charge_of
from tests.support.stripe_server import Line, account, be_at_the_bank, new_card, stripe_process

TOTAL = ordering.PRICE + ordering.SHIPPING
VISA, DECLINED, ASKS_FIRST = "pm_card_visa", "pm_card_chargeCustomerFail", "4000002500003155"


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    with stripe_process() as found:
        yield found


@pytest.fixture
def line() -> Line:
    return Line()


@pytest_asyncio.fixture(loop_scope="session")
async def stripe(url: str, line: Line) -> AsyncGenerator[StripeGateway]:
    """The account of a shop that has charged nothing yet."""
    gateway = StripeGateway(account(url, secrets.token_bytes()), line=line)
    yield gateway
    await gateway.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: RolledBackDatabase, stripe: StripeGateway) -> Desk:
    await open_counter(database.connection)
    return Desk(database, stripe, ordering.STORE, ordering.SEALER)


@pytest_asyncio.fixture(loop_scope="session")
async def ana(database: RolledBackDatabase) -> Buyer:
    return await buyer(database.connection)


async def wanted(database: RolledBackDatabase, who: Buyer, token: str | None) -> Purchase:
    piece = await selling.variant(database.connection, on_hand=1)
    return await in_cart(database.connection, who, LineDraft(piece, 1), total=TOTAL, token=token)


async def buys(database: RolledBackDatabase, desk: Desk, who: Buyer, token: str) -> Placed:
    return await place(desk, who, await wanted(database, who, token))


async def own_charges(stripe: StripeGateway) -> list[tuple[str, int, int]]:
    """Status, captured and refunded of what this shop has charged."""
    return [(one.status.value, one.captured, one.refunded) async for one in stripe.book() if one.charge_id is not None]


async def test_order_is_placed_or_was_never_there(database: RolledBackDatabase, desk: Desk, ana: Buyer):
    assert codes_of(await buys(database, desk, ana, VISA)) == []
    assert codes_of(await buys(database, desk, ana, DECLINED)) == ["PAYMENT_DECLINED"]
    assert codes_of(await buys(database, desk, ana, "tok_visa")) == ["INVALID"]
    kept = await books(database)
    assert (kept.orders, kept.charges) == (["PLACED"], ["CAPTURED"])
    charge = await database.connection.scalar(select(Charge.gateway))
    assert charge == "stripe"


@pytest.mark.parametrize("succeed", [True, False])
async def test_bank_decides_when_the_customer_is_back(
    database: RolledBackDatabase, desk: Desk, ana: Buyer, url: str, succeed: bool
):
    placed = await buys(database, desk, ana, new_card(url, ASKS_FIRST))
    assert codes_of(placed) == ["PAYMENT_ACTION_REQUIRED"]
    assert placed.action is not None
    be_at_the_bank(url, str(placed.action.client_secret), succeed=succeed)
    given = {"idempotency_key": "back from the bank"}
    continued = await placing.carry_on(desk, ana.viewer, placed.order_id, given)
    assert codes_of(continued) == ([] if succeed else ["PAYMENT_DECLINED"])
    assert (await books(database)).orders == ["PLACED" if succeed else "CANCELLED"]


async def test_lost_answers_and_webhooks_settle_to_one_truth(
    database: RolledBackDatabase, desk: Desk, ana: Buyer, line: Line, stripe: StripeGateway
):
    line.lose_answers = 2
    taken = await buys(database, desk, ana, VISA)
    line.lose_requests = 2
    lost = await buys(database, desk, ana, VISA)
    assert (codes_of(taken), codes_of(lost)) == ([], [])
    assert (await books(database)).orders == ["PENDING_PAYMENT"] * 2
    tools = Post(database, payments=stripe).tools
    charges = {row.order_id: row.id for row in await database.connection.execute(select(Charge.order_id, Charge.id))}
    for number in (2, 1, 2):
        for charge_id in charges.values():
            event = GatewayEvent(f"evt_{number}_{charge_id}", charge_id)
            await database.transact(lambda t, event=event: payment_event.note(t, "stripe", event))
    await Jobs(database, tools, payment_event.HANDLERS).drain()
    assert (await books(database)).orders == ["PENDING_PAYMENT", "PLACED"]
    await reconciling.reconcile(database, stripe)
    assert (await books(database)).orders == ["CANCELLED", "PLACED"]
    assert await own_charges(stripe) == [("CAPTURED", TOTAL, 0)]


async def test_charge_of_no_order_is_given_back_and_anothers_is_left_alone(
    database: RolledBackDatabase, url: str, stripe: StripeGateway, desk: Desk
):
    """Two installations may share one account at Stripe: neither takes the other's charges for lost."""
    other = StripeGateway(account(url, secrets.token_bytes()), line=Line())
    await other.charge(charge_of(VISA, 900))
    await stripe.charge(charge_of(VISA, 700))
    await stripe.charge(charge_of(VISA, 800, capture=False))
    for given_back in (2, 0):
        done = await reconciling.reconcile(database, stripe)
        assert done.given_back == given_back
    assert sorted(await own_charges(stripe)) == [("CAPTURED", 700, 700), ("VOIDED", 0, 0)]
    assert await own_charges(other) == [("CAPTURED", 900, 0)]
    await other.close()


async def test_saved_card_is_charged_until_it_is_removed(
    database: RolledBackDatabase, desk: Desk, ana: Buyer, stripe: StripeGateway, line: Line
):
    wallet = Wallet(ana.account_id, Channel.WEB)
    given = {"gateway_token": VISA, "idempotency_key": "1"}
    added = await payment.add(database, stripe, wallet, given)
    assert added.method_id is not None
    assert await payment.add(database, stripe, wallet, given) == added
    charged = await stripe.charge(charge_of(await _token(database), saved=True))
    assert charged.last4 == "4242"
    key = added.method_id
    await database.transact(lambda t: payment.remove(t, ana.account_id, key))
    await Jobs(database, Post(database, payments=stripe).tools, payment.HANDLERS).drain()
    assert [asked.rpartition("/")[2][:4] for method, asked, _ in line.sent if method == "delete"] == ["cus_"]


async def test_book_is_printed_for_this_shop_alone(
    stripe: StripeGateway, url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    other = StripeGateway(account(url, secrets.token_bytes()), line=Line())
    request = charge_of(VISA, 700)
    await other.charge(charge_of(VISA, 900))
    charged = await stripe.charge(request)
    monkeypatch.setattr(connections, "payments", lambda _: stripe)
    assert request.order_id is not None
    assert [line async for line in payments_work.charges(settings)] == [
        {
            "id": charged.gateway_key,
            "orderId": show_id("ord", request.order_id),
            "currencyCode": "USD",
            "captured": 700,
            "refunded": 0,
            "status": "CAPTURED",
        }
    ]
    await other.close()


async def _token(database: RolledBackDatabase) -> str:
    token = await database.connection.scalar(select(PaymentMethod.gateway_token))
    assert token is not None
    return token
