"""The local payment gateway: what each token does, and that nothing is done twice."""

import asyncio
import stat
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
import time_machine

from gateways.payments import ACTION_LASTS, Charged, ChargeRequest, GatewayTimeout, InvalidToken, KeyReused
from gateways.payments.local import LocalGateway
from gateways.payments.local_charges import gateway_key
from models.catalogue import CurrencyCode
from models.ids import new_id
from models.payment import ChargeStatus, RefundStatus
from tests.support.payments import charge_of

EVERY_TOKEN = (
    "tok_visa",
    "tok_mastercard",
    "tok_declined",
    "tok_insufficient",
    "tok_action",
    "tok_action_declined",
    "tok_timeout",
    "tok_timeout_lost",
    "tok_late",
    "tok_late_declined",
)


@pytest_asyncio.fixture(loop_scope="session")
async def hesitant(tmp_path: Path) -> AsyncGenerator[LocalGateway]:
    """A gateway whose late decisions are a minute late."""
    opened = LocalGateway(tmp_path / "hesitant", b"", delay=60, durable=False)
    yield opened
    await opened.close()


async def book_of(gateway: LocalGateway, **since: datetime) -> list[Charged]:
    return [charged async for charged in gateway.book(**since)]


@pytest.mark.parametrize(
    ("token", "brand", "last4"), [("tok_visa", "visa", "4242"), ("tok_mastercard", "mastercard", "4444")]
)
async def test_good_card_is_captured_at_once(gateway: LocalGateway, token: str, brand: str, last4: str):
    request = charge_of(token, 4200)
    charged = await gateway.charge(request)
    assert charged == Charged(
        request.charge_id,
        gateway_key(request.charge_id),
        request.order_id,
        ChargeStatus.CAPTURED,
        4200,
        CurrencyCode.USD,
        captured=4200,
        brand=brand,
        last4=last4,
    )
    assert await gateway.find(request.charge_id) == charged
    assert charged.held == 4200


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient"])
async def test_refused_card_is_a_failed_charge_of_nothing(gateway: LocalGateway, token: str):
    charged = await gateway.charge(charge_of(token))
    assert (charged.status, charged.captured, charged.held) == (ChargeStatus.FAILED, 0, 0)


@pytest.mark.parametrize("token", ["tok_Visa", "visa", "", "tok_visa ", "4242", "lpm_0193a5f0"])
async def test_token_that_the_gateway_does_not_know_is_no_charge(gateway: LocalGateway, token: str):
    for saved in (False, True):
        with pytest.raises(InvalidToken):
            await gateway.charge(charge_of(token, saved=saved))
    with pytest.raises(InvalidToken):
        await gateway.save(token, uuid4())
    assert await book_of(gateway) == []


async def test_answer_that_gets_lost_is_a_charge_all_the_same(gateway: LocalGateway):
    request = charge_of("tok_timeout")
    with pytest.raises(GatewayTimeout):
        await gateway.charge(request)
    found = await gateway.find(request.charge_id)
    assert found is not None
    assert (found.status, found.captured) == (ChargeStatus.CAPTURED, 5000)


async def test_request_that_gets_lost_is_no_charge(gateway: LocalGateway):
    request = charge_of("tok_timeout_lost")
    with pytest.raises(GatewayTimeout):
        await gateway.charge(request)
    assert await gateway.find(request.charge_id) is None
    assert await book_of(gateway) == []


async def test_lost_answers_are_waited_for_two_seconds(tmp_path: Path):
    gateway = LocalGateway(tmp_path, b"")
    begun = time.monotonic()
    with pytest.raises(GatewayTimeout):
        await gateway.charge(charge_of("tok_timeout_lost"))
    assert 2 <= time.monotonic() - begun < 2.5
    await gateway.close()


@pytest.mark.parametrize(
    ("token", "status"), [("tok_late", ChargeStatus.CAPTURED), ("tok_late_declined", ChargeStatus.FAILED)]
)
async def test_late_decision_is_pending_first(hesitant: LocalGateway, token: str, status: ChargeStatus):
    request = charge_of(token)
    charged = await hesitant.charge(request)
    assert (charged.status, charged.captured, charged.held) == (ChargeStatus.PENDING, 0, 5000)
    assert await hesitant.find(request.charge_id) == charged
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        decided = await hesitant.find(request.charge_id)
    assert decided is not None
    assert (decided.status, decided.captured) == (status, 5000 if status is ChargeStatus.CAPTURED else 0)


@pytest.mark.parametrize(
    ("token", "status"), [("tok_action", ChargeStatus.CAPTURED), ("tok_action_declined", ChargeStatus.FAILED)]
)
async def test_bank_that_asks_first_decides_when_the_customer_is_back(
    gateway: LocalGateway, token: str, status: ChargeStatus
):
    request = charge_of(token)
    charged = await gateway.charge(request)
    assert (charged.status, charged.captured) == (ChargeStatus.ACTION, 0)
    assert charged.action is not None
    assert charged.action.client_secret
    assert charged.action.url == f"https://bank.example/confirm/{charged.action.client_secret}"
    assert abs(charged.action.expires_at - datetime.now(UTC) - ACTION_LASTS) < timedelta(seconds=5)
    assert await gateway.charge(request) == charged
    assert await gateway.find(request.charge_id) == charged, "to ask is not to decide"
    decided = await gateway.resume(request.charge_id)
    assert decided is not None
    assert (decided.status, decided.action) == (status, None)
    assert await gateway.resume(request.charge_id) == decided
    assert await gateway.find(request.charge_id) == decided


async def test_customer_who_does_not_come_back_in_time_has_not_paid(gateway: LocalGateway):
    request = charge_of("tok_action")
    await gateway.charge(request)
    with time_machine.travel(datetime.now(UTC) + ACTION_LASTS + timedelta(seconds=1), tick=False):
        expired = await gateway.resume(request.charge_id)
    assert expired is not None
    assert (expired.status, expired.captured) == (ChargeStatus.FAILED, 0)


async def test_secret_of_an_action_does_not_show(gateway: LocalGateway):
    charged = await gateway.charge(charge_of("tok_action"))
    assert charged.action is not None
    assert str(charged.action.client_secret) not in repr(charged)


@pytest.mark.parametrize("token", ["tok_visa", "tok_late", "tok_action", "tok_declined"])
async def test_same_key_at_once_is_one_charge(hesitant: LocalGateway, token: str):
    request = charge_of(token)
    answers = await asyncio.gather(*(hesitant.charge(request) for _ in range(20)))
    assert len({(one.gateway_key, one.status) for one in answers}) == 1
    assert len(await book_of(hesitant)) == 1


async def test_same_key_is_one_charge_when_answers_get_lost(gateway: LocalGateway):
    request = charge_of("tok_timeout")
    answers = await asyncio.gather(*(gateway.charge(request) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(one, GatewayTimeout) for one in answers) == 1, "only the first answer is lost"
    assert [one.captured for one in await book_of(gateway)] == [5000]


async def test_key_that_was_used_for_another_charge_is_refused(gateway: LocalGateway):
    request = charge_of("tok_visa", 100)
    await gateway.charge(request)
    for other in (("tok_visa", 101), ("tok_mastercard", 100)):
        with pytest.raises(KeyReused):
            await gateway.charge(charge_of(*other, charge_id=request.charge_id))
    assert [one.amount for one in await book_of(gateway)] == [100]


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("tok_visa", ChargeStatus.CAPTURED),
        ("tok_declined", ChargeStatus.FAILED),
        ("tok_action", ChargeStatus.VOIDED),
        ("tok_late", ChargeStatus.VOIDED),
    ],
)
async def test_what_is_not_captured_can_be_given_up(hesitant: LocalGateway, token: str, status: ChargeStatus):
    request = charge_of(token)
    await hesitant.charge(request)
    voided = await hesitant.void(request.charge_id)
    assert voided is not None
    assert voided.status is status
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        assert await hesitant.resume(request.charge_id) == voided, "given up is given up"
        assert await hesitant.void(request.charge_id) == voided


async def test_authorised_amount_is_taken_once(gateway: LocalGateway):
    request = charge_of("tok_visa", 900, capture=False)
    held = await gateway.charge(request)
    assert (held.status, held.captured, held.held) == (ChargeStatus.AUTHORIZED, 0, 900)
    for wrong in (0, 901):
        with pytest.raises(ValueError, match="some of what"):
            await gateway.capture(request.charge_id, wrong)
    for amount in (700, 900):
        taken = await gateway.capture(request.charge_id, amount)
        assert taken is not None
        assert (taken.status, taken.captured, taken.held) == (ChargeStatus.CAPTURED, 700, 700)


async def test_authorised_amount_can_be_let_go(gateway: LocalGateway):
    request = charge_of("tok_visa", capture=False)
    await gateway.charge(request)
    await gateway.void(request.charge_id)
    let_go = await gateway.capture(request.charge_id, 5000)
    assert let_go is not None
    assert (let_go.status, let_go.captured) == (ChargeStatus.VOIDED, 0)


async def test_refunds_add_up_and_never_exceed_the_charge(gateway: LocalGateway):
    request = charge_of("tok_visa", 1000)
    await gateway.charge(request)
    asked = [gateway.refund(request.charge_id, new_id(), 300) for _ in range(8)]
    statuses = await asyncio.gather(*asked)
    assert statuses.count(RefundStatus.SUCCEEDED) == 3
    assert await gateway.refund(request.charge_id, new_id(), 101) is RefundStatus.FAILED
    assert await gateway.refund(request.charge_id, new_id(), 100) is RefundStatus.SUCCEEDED
    assert await gateway.refund(request.charge_id, new_id(), 1) is RefundStatus.FAILED
    [charged] = await book_of(gateway)
    assert (charged.captured, charged.refunded, charged.held) == (1000, 1000, 0)


async def test_same_refund_at_once_is_paid_once(gateway: LocalGateway):
    request, refund_id = charge_of("tok_visa", 1000), new_id()
    await gateway.charge(request)
    asked = [gateway.refund(request.charge_id, refund_id, 400) for _ in range(20)]
    assert set(await asyncio.gather(*asked)) == {RefundStatus.SUCCEEDED}
    with pytest.raises(KeyReused):
        await gateway.refund(request.charge_id, refund_id, 401)
    [charged] = await book_of(gateway)
    assert charged.refunded == 400


@pytest.mark.parametrize("amount", [0, -1])
async def test_refund_of_nothing_is_refused(gateway: LocalGateway, amount: int):
    request = charge_of("tok_visa", 1000)
    await gateway.charge(request)
    assert await gateway.refund(request.charge_id, new_id(), amount) is RefundStatus.FAILED


@pytest.mark.parametrize("token", ["tok_declined", "tok_action", "tok_late"])
async def test_what_was_not_captured_is_not_refunded(hesitant: LocalGateway, token: str):
    request = charge_of(token)
    await hesitant.charge(request)
    assert await hesitant.refund(request.charge_id, new_id(), 1) is RefundStatus.FAILED


async def test_what_the_gateway_never_heard_of_is_nothing(gateway: LocalGateway):
    unknown = new_id()
    asked: tuple[Callable[..., object], ...] = (gateway.find, gateway.resume, gateway.void)
    assert [await ask(unknown) for ask in asked] == [None] * 3  # type: ignore[misc]
    assert await gateway.capture(unknown, 1) is None
    assert await gateway.refund(unknown, new_id(), 1) is RefundStatus.FAILED


@pytest.mark.parametrize("token", [token for token in EVERY_TOKEN if token not in {"tok_declined", "tok_insufficient"}])
async def test_saved_card_behaves_as_its_token_does(gateway: LocalGateway, token: str):
    saved = await gateway.save(token, uuid4())
    assert saved is not None
    assert (saved.expiry_month, saved.expiry_year) == (12, 2034)
    assert bool(saved.action) == token.startswith("tok_action")
    assert saved.token not in repr(saved)

    async def outcome(request: ChargeRequest) -> object:
        answer: object
        try:
            answer = (await gateway.charge(request)).status
        except GatewayTimeout as error:
            answer = type(error)
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
            found = await gateway.resume(request.charge_id)
        return answer, found and (found.brand, found.last4, found.status is ChargeStatus.FAILED)

    by_token = await outcome(charge_of(token))
    assert [await outcome(charge_of(saved.token, saved=True)) for _ in range(2)] == [by_token, by_token]


async def test_same_card_saved_at_once_is_one_card(gateway: LocalGateway):
    key = uuid4()
    saved = await asyncio.gather(*(gateway.save("tok_action", key) for _ in range(20)))
    assert len({(one.token, one.action and one.action.client_secret) for one in saved if one}) == 1
    with pytest.raises(KeyReused):
        await gateway.save("tok_visa", key)


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient"])
async def test_card_that_the_bank_refuses_is_not_saved(gateway: LocalGateway, token: str):
    assert await gateway.save(token, uuid4()) is None


async def test_forgotten_card_is_charged_no_more(gateway: LocalGateway):
    saved = await gateway.save("tok_visa", uuid4())
    assert saved is not None
    await gateway.forget(saved.token)
    await gateway.forget(saved.token)
    with pytest.raises(InvalidToken):
        await gateway.charge(charge_of(saved.token, saved=True))


async def test_saved_card_is_no_token_of_a_client(gateway: LocalGateway):
    saved = await gateway.save("tok_visa", uuid4())
    assert saved is not None
    with pytest.raises(InvalidToken):
        await gateway.charge(charge_of(saved.token))


async def test_book_is_read_from_the_oldest_and_from_a_time_on(gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateways.payments.local.PAGE", 3)
    requests = [charge_of("tok_visa") for _ in range(7)]
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        for request in requests[:4]:
            await gateway.charge(request)
    for request in requests[4:]:
        await gateway.charge(request)
    ids = [request.charge_id for request in requests]
    assert [one.charge_id for one in await book_of(gateway)] == ids
    assert [one.charge_id for one in await book_of(gateway, since=datetime(2026, 1, 2, tzinfo=UTC))] == ids[4:]


async def test_charges_of_a_fictional_shop_are_entered_once(gateway: LocalGateway):
    entered = [
        Charged(new_id(), "", new_id(), ChargeStatus.CAPTURED, 900, CurrencyCode.EUR, captured=900, refunded=100),
        Charged(new_id(), "", None, ChargeStatus.AUTHORIZED, 50, CurrencyCode.USD, brand="mastercard"),
    ]
    for _ in range(2):
        await gateway.enter(entered, cards=[("pm_jane", "tok_mastercard")])
    captured, authorised = await book_of(gateway)
    assert (captured.charge_id, captured.captured, captured.refunded) == (entered[0].charge_id, 900, 100)
    assert (authorised.order_id, authorised.brand, authorised.last4) == (None, "mastercard", "4444")
    assert (await gateway.charge(charge_of("pm_jane", saved=True))).last4 == "4444"
    assert captured.charge_id is not None
    assert await gateway.refund(captured.charge_id, new_id(), 801) is RefundStatus.FAILED
    assert await gateway.refund(captured.charge_id, new_id(), 800) is RefundStatus.SUCCEEDED


async def test_two_that_have_the_book_open_see_the_same(gateway: LocalGateway, tmp_path: Path):
    other = LocalGateway(tmp_path / "gateway", b"another secret")
    requests = [charge_of("tok_visa", 100) for _ in range(10)]
    await asyncio.gather(*(one.charge(request) for request in requests for one in (gateway, other)))
    assert await book_of(gateway) == await book_of(other)
    assert len(await book_of(other)) == 10
    await other.close()


async def test_book_is_private(gateway: LocalGateway, tmp_path: Path):
    await gateway.charge(charge_of("tok_visa"))
    assert stat.S_IMODE((tmp_path / "gateway").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "gateway").iterdir()} == {0o600}


async def test_book_that_cannot_be_opened_is_no_answer(tmp_path: Path):
    (tmp_path / "gateway").write_text("in the way")
    gateway = LocalGateway(tmp_path / "gateway", b"")
    request = charge_of("tok_visa")
    with pytest.raises(GatewayTimeout):
        await gateway.charge(request)
    (tmp_path / "gateway").unlink()
    assert (await gateway.charge(request)).status is ChargeStatus.CAPTURED
    await gateway.close()
    with pytest.raises(GatewayTimeout):
        await gateway.find(request.charge_id)
