"""The Stripe adapter before a stand-in for Stripe: charges, refunds and saved cards, whatever gets lost on the line."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
import pytest_asyncio

from gateways.payments import ACTION_LASTS, Charged, GatewayTimeout, InvalidToken, KeyReused
from gateways.payments.stripe import Account, StripeGateway
from gateways.payments.stripe_line import StripeLine
from models.catalogue import CurrencyCode
from models.ids import new_id
from models.payment import ChargeStatus, RefundStatus
from tests.support.log import written_log
from tests.support.payments import charge_of
from tests.support.stripe_server import KEY, WEBHOOK_SECRET, Line, account, be_at_the_bank, new_card, stripe_process

VISA = "pm_card_visa"
DECLINED = "pm_card_chargeCustomerFail"
ASKS_FIRST = "4000002500003155"
REFUSED_AT_ONCE = "4000000000000002"


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    with stripe_process() as found:
        yield found


@pytest.fixture
def line() -> Line:
    return Line()


@pytest_asyncio.fixture(loop_scope="session")
async def stripe(url: str, line: Line) -> AsyncGenerator[StripeGateway]:
    gateway = StripeGateway(account(url), line=line)
    yield gateway
    await gateway.close()


async def test_good_card_is_captured_at_once_and_found_again(stripe: StripeGateway):
    request = charge_of(VISA, 4200)
    charged = await stripe.charge(request)
    assert charged == Charged(
        request.charge_id,
        charged.gateway_key,
        request.order_id,
        ChargeStatus.CAPTURED,
        4200,
        CurrencyCode.USD,
        captured=4200,
        brand="visa",
        last4="4242",
    )
    assert charged.gateway_key.startswith("pi_")
    assert await stripe.find(request.charge_id) == charged
    assert await stripe.find(request.charge_id, gateway_key=charged.gateway_key) == charged
    assert await stripe.void(request.charge_id) == charged, "what is captured is not given up"


async def test_what_stripe_never_heard_of_is_nothing(stripe: StripeGateway):
    charged = await stripe.charge(charge_of(VISA))
    for key in (None, "pi_unknown", charged.gateway_key):
        assert await stripe.find(new_id(), gateway_key=key) is None
    assert await stripe.void(new_id()) is None
    assert await stripe.capture(new_id(), 1) is None
    assert await stripe.refund(new_id(), new_id(), 1) is RefundStatus.FAILED


async def test_refusal_is_final(stripe: StripeGateway, line: Line):
    request = charge_of(DECLINED)
    charged = await stripe.charge(request)
    assert (charged.status, charged.captured, charged.held) == (ChargeStatus.FAILED, 0, 0)
    assert await stripe.find(request.charge_id) == charged
    assert await stripe.charge(request) == charged
    assert f"/payment_intents/{charged.gateway_key}/cancel" in " ".join(url for _, url, _ in line.sent)


@pytest.mark.parametrize(
    "token", ["tok_visa", "", "pm_", "card_1", "cus_1/pm_1", "pm_card visa", "pm_1/../../x", "4242"]
)
async def test_what_is_no_token_of_stripes_is_not_even_sent(stripe: StripeGateway, line: Line, token: str):
    with pytest.raises(InvalidToken):
        await stripe.charge(charge_of(token))
    with pytest.raises(InvalidToken):
        await stripe.save(token, uuid4())
    if token != "cus_1/pm_1":
        with pytest.raises(InvalidToken):
            await stripe.charge(charge_of(token, saved=True))
    await stripe.forget(token.replace("cus_1/", ""))
    assert line.sent == []


@pytest.mark.parametrize(("token", "saved"), [("pm_unknown", False), ("cus_unknown/pm_card_visa", True)])
async def test_token_that_stripe_does_not_know_is_refused(stripe: StripeGateway, token: str, saved: bool):
    with pytest.raises(InvalidToken):
        await stripe.charge(charge_of(token, saved=saved))
    if not saved:
        with pytest.raises(InvalidToken):
            await stripe.save(token, uuid4())


async def test_answer_that_gets_lost_is_a_charge_all_the_same(stripe: StripeGateway, line: Line):
    request = charge_of(VISA)
    line.lose_answers = 2
    with pytest.raises(GatewayTimeout):
        await stripe.charge(request)
    found = await stripe.find(request.charge_id)
    assert found is not None
    assert found.status is ChargeStatus.CAPTURED
    assert await stripe.charge(request) == found
    assert [one.gateway_key async for one in stripe.book() if one.charge_id == request.charge_id] == [found.gateway_key]


async def test_request_that_gets_lost_is_no_charge(stripe: StripeGateway, line: Line):
    request = charge_of(VISA)
    line.lose_requests = 2
    with pytest.raises(GatewayTimeout):
        await stripe.charge(request)
    assert await stripe.find(request.charge_id) is None


async def test_same_key_at_once_is_one_charge(stripe: StripeGateway, line: Line):
    request = charge_of(VISA)
    line.lose_answers = 5
    answers = await asyncio.gather(*(stripe.charge(request) for _ in range(20)), return_exceptions=True)
    charged = [one for one in answers if isinstance(one, Charged)]
    assert len(charged) >= 15
    assert len({one.gateway_key for one in charged}) == 1
    assert len([one async for one in stripe.book() if one.charge_id == request.charge_id]) == 1


async def test_key_that_was_used_for_another_amount_is_refused(stripe: StripeGateway):
    request = charge_of(VISA, 900)
    await stripe.charge(request)
    with pytest.raises(KeyReused):
        await stripe.charge(charge_of(VISA, 901, charge_id=request.charge_id))


@pytest.mark.parametrize("succeed", [True, False])
async def test_bank_that_asks_first_decides_when_the_customer_is_back(stripe: StripeGateway, url: str, succeed: bool):
    request = charge_of(new_card(url, ASKS_FIRST))
    charged = await stripe.charge(request)
    assert charged.status is ChargeStatus.ACTION
    assert charged.action is not None
    assert charged.action.client_secret
    assert charged.action.client_secret not in repr(charged)
    assert abs(charged.action.expires_at - datetime.now(UTC) - ACTION_LASTS) < timedelta(seconds=5)
    assert await stripe.find(request.charge_id) == charged
    be_at_the_bank(url, charged.action.client_secret, succeed=succeed)
    decided = await stripe.resume(request.charge_id)
    assert decided is not None
    assert decided.status is (ChargeStatus.CAPTURED if succeed else ChargeStatus.FAILED)
    assert decided.action is None
    assert await stripe.find(request.charge_id) == decided


async def test_customer_who_does_not_come_back_is_voided(stripe: StripeGateway, url: str):
    request = charge_of(new_card(url, ASKS_FIRST))
    charged = await stripe.charge(request)
    voided = await stripe.void(request.charge_id)
    assert voided is not None
    assert voided.status is ChargeStatus.VOIDED
    assert charged.action is not None
    be_at_the_bank(url, str(charged.action.client_secret), succeed=True)
    assert await stripe.resume(request.charge_id) == voided, "given up is given up"
    assert await stripe.void(request.charge_id) == voided


async def test_held_amount_is_captured_or_let_go(stripe: StripeGateway):
    first, second = charge_of(VISA, 700, capture=False), charge_of(VISA, 800, capture=False)
    for request in (first, second):
        held = await stripe.charge(request)
        assert (held.status, held.captured, held.held) == (ChargeStatus.AUTHORIZED, 0, request.amount)
    for _ in range(2):
        taken, let_go = await stripe.capture(first.charge_id, 700), await stripe.void(second.charge_id)
        assert taken is not None
        assert let_go is not None
        assert (taken.status, taken.captured) == (ChargeStatus.CAPTURED, 700)
        assert (let_go.status, let_go.captured) == (ChargeStatus.VOIDED, 0)
    late = await stripe.capture(second.charge_id, 800)
    assert late is not None
    assert late.status is ChargeStatus.VOIDED


async def test_refunds_add_up_and_never_exceed_the_charge(stripe: StripeGateway):
    request = charge_of(VISA, 1000)
    await stripe.charge(request)
    asked = [(300, "SUCCEEDED"), (701, "FAILED"), (0, "FAILED"), (-1, "FAILED"), (700, "SUCCEEDED"), (1, "FAILED")]
    for amount, status in asked:
        assert await stripe.refund(request.charge_id, new_id(), amount) == status
    charged = await stripe.find(request.charge_id)
    assert charged is not None
    assert (charged.captured, charged.refunded, charged.held) == (1000, 1000, 0)


async def test_same_refund_is_paid_once_even_when_stripe_forgot_its_key(stripe: StripeGateway, line: Line):
    request, refund_id = charge_of(VISA, 1000), new_id()
    await stripe.charge(request)
    line.lose_answers = 4
    answers = await asyncio.gather(
        *(stripe.refund(request.charge_id, refund_id, 400) for _ in range(8)), return_exceptions=True
    )
    assert RefundStatus.SUCCEEDED in answers
    line.forget_keys()
    assert await stripe.refund(request.charge_id, refund_id, 400) is RefundStatus.SUCCEEDED
    charged = await stripe.find(request.charge_id)
    assert charged is not None
    assert charged.refunded == 400


async def test_what_was_not_captured_is_not_refunded(stripe: StripeGateway):
    for request in (charge_of(DECLINED), charge_of(VISA, capture=False)):
        await stripe.charge(request)
        assert await stripe.refund(request.charge_id, new_id(), 1) is RefundStatus.FAILED


async def test_saved_card_is_charged_until_it_is_forgotten(stripe: StripeGateway):
    key = uuid4()
    saved = await stripe.save(VISA, key)
    assert saved is not None
    assert (saved.brand, saved.last4, saved.expiry_month, saved.action) == ("visa", "4242", 12, None)
    assert await stripe.save(VISA, key) == saved
    for _ in range(2):
        charged = await stripe.charge(charge_of(saved.token, saved=True))
        assert (charged.status, charged.last4) == (ChargeStatus.CAPTURED, "4242")
    with pytest.raises(InvalidToken):
        await stripe.charge(charge_of(saved.token))
    for _ in range(2):
        await stripe.forget(saved.token)
    with pytest.raises(InvalidToken):
        await stripe.charge(charge_of(saved.token, saved=True))


async def test_card_that_the_bank_refuses_is_not_saved(stripe: StripeGateway, url: str, line: Line):
    assert await stripe.save(new_card(url, REFUSED_AT_ONCE), uuid4()) is None
    assert [method for method, asked, _ in line.sent if "/customers/cus_" in asked] == ["delete"]


async def test_bank_may_ask_before_a_card_is_saved(stripe: StripeGateway, url: str):
    saved = await stripe.save(new_card(url, ASKS_FIRST), uuid4())
    assert saved is not None
    assert saved.action is not None
    assert saved.action.client_secret
    assert saved.token not in repr(saved)


async def test_book_begins_with_the_oldest_and_tells_what_is_anothers(stripe: StripeGateway, url: str):
    other = StripeGateway(account(url, b"another shop's secret"), line=Line())
    theirs, ours = charge_of(VISA), [charge_of(VISA) for _ in range(3)]
    begun = datetime.now(UTC) - timedelta(seconds=1)
    await other.charge(theirs)
    for request in ours:
        await stripe.charge(request)
    shown = [one.charge_id async for one in stripe.book(begun)]
    assert [one for one in shown if one is not None][-3:] == [request.charge_id for request in ours]
    assert theirs.charge_id not in shown
    assert await stripe.find(theirs.charge_id) is None
    assert [one async for one in stripe.book(datetime.now(UTC) + timedelta(minutes=1))] == []
    await other.close()


async def test_stripe_is_told_of_amounts_and_keys_alone(stripe: StripeGateway, line: Line):
    """P42: nothing that names the customer, or what they buy."""
    saved = await stripe.save(VISA, uuid4())
    assert saved is not None
    request = charge_of(saved.token, saved=True)
    await stripe.charge(request)
    await stripe.refund(request.charge_id, new_id(), 100)
    names = {name.partition("[")[0] for _, _, body in line.sent for name, _ in parse_qsl(body)}
    assert names == {
        "allowed_payment_method_types", "amount", "capture_method", "confirm", "currency", "customer", "expand",
        "metadata", "payment_intent", "payment_method", "usage",
    }  # fmt: skip
    marks = {name for _, _, body in line.sent for name, _ in parse_qsl(body) if name.startswith("metadata")}
    assert marks == {f"metadata[{name}]" for name in ("shop", "charge_id", "order_id", "refund_id", "card_id")}


async def test_server_that_does_not_answer_is_told_without_what_was_sent():
    gateway = StripeGateway(account("http://127.0.0.1:9"), line=Line())
    request = charge_of("pm_secret_of_somebody")
    with written_log() as logged:
        with pytest.raises(GatewayTimeout):
            await gateway.charge(request)
        with pytest.raises(GatewayTimeout):
            await gateway.find(request.charge_id)
        with pytest.raises(GatewayTimeout):
            await gateway.save("pm_secret_of_somebody", uuid4())
    assert [(line["event"], line["error"]) for line in logged] == [("payments.no_answer", "APIConnectionError")] * 3
    assert "secret" not in logged.text
    assert KEY not in logged.text
    await gateway.close()


async def test_address_where_stripe_is_not_is_no_answer(url: str):
    gateway = StripeGateway(account(f"{url}/elsewhere"), line=StripeLine(5))
    for asking in (gateway.find(new_id()), gateway.void(new_id()), gateway.refund(new_id(), new_id(), 1)):
        with pytest.raises(GatewayTimeout):
            await asking
    await gateway.close()


async def test_key_that_stripe_does_not_accept_is_told_and_takes_no_money(url: str):
    gateway = StripeGateway(Account("rk_", WEBHOOK_SECRET, b"", url))
    with written_log() as logged, pytest.raises(GatewayTimeout):
        await gateway.charge(charge_of(VISA))
    assert [(line["error"], line["status"]) for line in logged] == [("AuthenticationError", 401)]
    await gateway.close()


def test_secrets_of_the_account_do_not_show():
    shown = repr(account("http://stripe.test"))
    assert KEY not in shown
    assert WEBHOOK_SECRET not in shown
    assert "secret of a test" not in shown
