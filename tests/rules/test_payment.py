"""Saved cards on the database (P4): added once, kept within a limit, forgotten by the gateway when they are removed."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, select

from auth.refusal import Refusal, RefusalCode
from commerce import payment
from commerce.payment import Added, Wallet
from gateways.failure import describe
from gateways.jobs import Jobs
from gateways.payments import GatewayTimeout, InvalidToken
from gateways.payments.local import LocalGateway
from models.classification import Channel
from models.database import Database
from models.idempotency import Idempotency
from models.ids import new_id
from models.payment import ForgottenCard, PaymentMethod
from tests.support.account import Post
from tests.support.address import account
from tests.support.database import RolledBackDatabase
from tests.support.payments import charge_of


@pytest.fixture
async def wallet(database: RolledBackDatabase) -> Wallet:
    return Wallet(await database.transact(account), Channel.MOBILE)


def asked(token: str = "tok_visa", key: str = "key 1", **more: Any) -> dict[str, Any]:
    return {"gateway_token": token, "idempotency_key": key, **more}


async def cards(database: Database, wallet: Wallet) -> Sequence[Row[Any]]:
    own = select(PaymentMethod.__table__).where(PaymentMethod.account_id == wallet.account_id)
    return (await database.transact(lambda t: t.execute(own.order_by(PaymentMethod.id)))).all()


def codes(added: Added) -> list[str]:
    return [refusal.code.value for refusal in added.refusals]


async def test_card_is_kept_by_what_it_is_recognised_by(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet
):
    added = await payment.add(database, gateway, wallet, asked("tok_mastercard"))
    [card] = await cards(database, wallet)
    assert added == Added(card.id)
    kept = (card.brand, card.last4, card.expiry_month, card.expiry_year, card.is_default, card.channel)
    assert kept == ("mastercard", "4444", 12, 2034, False, "MOBILE")
    charged = await gateway.charge(charge_of(card.gateway_token, saved=True))
    assert charged.last4 == "4444"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("tok_declined", "PAYMENT_DECLINED"),
        ("tok_insufficient", "PAYMENT_DECLINED"),
        ("tok_unknown", "INVALID"),
        ("", "INVALID"),
    ],
)
async def test_card_that_is_refused_is_not_kept_and_its_key_is_free_again(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet, token: str, code: str
):
    refused = await payment.add(database, gateway, wallet, asked(token))
    assert (codes(refused), refused.method_id) == ([code], None)
    assert refused.refusals[0].field == ("gatewayToken",)
    assert await cards(database, wallet) == []
    added = await payment.add(database, gateway, wallet, asked("tok_visa"))
    assert codes(added) == []


async def test_bank_may_ask_about_a_card_that_is_saved(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet
):
    added = await payment.add(database, gateway, wallet, asked("tok_action"))
    assert codes(added) == ["PAYMENT_ACTION_REQUIRED"]
    assert added.action is not None
    again = await payment.add(database, gateway, wallet, asked("tok_action"))
    assert again.action is not None
    assert (again.method_id, again.action.client_secret) == (added.method_id, added.action.client_secret)
    assert [card.id for card in await cards(database, wallet)] == [added.method_id]


async def test_one_card_is_the_default(database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet):
    other = Wallet(await database.transact(account), Channel.WEB)
    await payment.add(database, gateway, other, asked(make_default=True))
    for number, default in enumerate([None, True, False, True]):
        added = await payment.add(database, gateway, wallet, asked(key=str(number), make_default=default))
        assert codes(added) == []
    assert [card.is_default for card in await cards(database, wallet)] == [False, False, False, True]
    assert [card.is_default for card in await cards(database, other)] == [True]


async def test_repetition_gets_the_first_answer(database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet):
    first = await payment.add(database, gateway, wallet, asked())
    assert await payment.add(database, gateway, wallet, asked()) == first
    for other in (asked("tok_mastercard"), asked(make_default=True)):
        assert codes(await payment.add(database, gateway, wallet, other)) == ["IDEMPOTENCY_CONFLICT"]
    [card] = await cards(database, wallet)
    assert (await gateway.charge(charge_of(card.gateway_token, saved=True))).captured
    assert first.method_id is not None
    await database.transact(lambda t: payment.remove(t, wallet.account_id, card.id))
    assert await payment.add(database, gateway, wallet, asked()) == first, "what was removed does not come back"
    assert await cards(database, wallet) == []


@pytest.mark.parametrize(("key", "code"), [("", "REQUIRED"), (" ", "REQUIRED"), ("k" * 201, "TOO_LONG")])
async def test_key_is_required(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet, key: str, code: str
):
    refused = await payment.add(database, gateway, wallet, asked(key=key))
    assert (codes(refused), refused.refusals[0].field) == ([code], ("idempotencyKey",))


async def test_gateway_that_does_not_answer_saves_no_second_card_when_asked_again(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet, monkeypatch: pytest.MonkeyPatch
):
    save, saved = gateway.save, []

    async def lost(token: str, key: UUID) -> None:
        saved.append(await save(token, key))
        raise GatewayTimeout

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "save", lost)
        refused = await payment.add(database, gateway, wallet, asked())
    assert (codes(refused), await cards(database, wallet)) == (["PAYMENT_DECLINED"], [])
    await payment.add(database, gateway, wallet, asked())
    [card] = await cards(database, wallet)
    assert card.gateway_token == saved[0].token


async def test_wallet_is_full_at_twenty(committed_database: Database, gateway: LocalGateway):
    """Of many at once, those that are one too many are forgotten by the gateway as well."""
    wallet = Wallet(await committed_database.transact(account), Channel.WEB)
    for number in range(payment.MOST_CARDS - 2):
        await payment.add(committed_database, gateway, wallet, asked(key=str(number)))
    racing = [asked(key=f"racing {number}", make_default=True) for number in range(8)]
    added = await asyncio.gather(*(payment.add(committed_database, gateway, wallet, one) for one in racing))
    assert sorted(code for one in added for code in codes(one)) == ["LIMIT_REACHED"] * 6
    kept = await cards(committed_database, wallet)
    assert len(kept) == payment.MOST_CARDS
    assert [card.is_default for card in kept].count(True) == 1
    full = await payment.add(committed_database, gateway, wallet, asked(key="one more"))
    assert codes(full) == ["LIMIT_REACHED"]
    await _work(committed_database, gateway)
    assert await _remembered(gateway) == {card.gateway_token for card in kept}


async def test_same_key_at_once_is_one_card(committed_database: Database, gateway: LocalGateway):
    wallet = Wallet(await committed_database.transact(account), Channel.WEB)
    adding = [payment.add(committed_database, gateway, wallet, asked("tok_action")) for _ in range(20)]
    added = await asyncio.gather(*adding)
    [card] = await cards(committed_database, wallet)
    assert {one.method_id for one in added} == {card.id}
    await _work(committed_database, gateway)
    assert await _remembered(gateway) == {card.gateway_token}


async def test_same_key_at_once_with_two_cards_keeps_one_of_them(committed_database: Database, gateway: LocalGateway):
    wallet = Wallet(await committed_database.transact(account), Channel.WEB)
    asking = [asked(("tok_visa", "tok_mastercard")[number % 2]) for number in range(10)]
    added = await asyncio.gather(*(payment.add(committed_database, gateway, wallet, one) for one in asking))
    [card] = await cards(committed_database, wallet)
    assert sorted(map(str, map(codes, added))) == ["['IDEMPOTENCY_CONFLICT']"] * 5 + ["[]"] * 5
    await _work(committed_database, gateway)
    assert await _remembered(gateway) == {card.gateway_token}


async def test_removed_card_is_forgotten_by_the_gateway(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet
):
    added = await payment.add(database, gateway, wallet, asked())
    assert added.method_id is not None
    [card] = await cards(database, wallet)
    key: UUID = added.method_id
    assert await database.transact(lambda t: payment.remove(t, wallet.account_id, key)) == key
    assert await cards(database, wallet) == []
    await _work(database, gateway)
    with pytest.raises(InvalidToken):
        await gateway.charge(charge_of(card.gateway_token, saved=True))
    left = select(ForgottenCard.id)
    assert (await database.transact(lambda t: t.execute(left))).all() == []
    assert await database.transact(lambda t: payment.remove(t, wallet.account_id, key)) == [payment.NOT_FOUND]


async def test_card_is_forgotten_when_the_gateway_is_back(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet, monkeypatch: pytest.MonkeyPatch
):
    async def away(token: str) -> None:
        raise GatewayTimeout

    await payment.add(database, gateway, wallet, asked())
    [card] = await cards(database, wallet)
    await database.transact(lambda t: payment.remove(t, wallet.account_id, card.id))
    forgotten = await database.transact(lambda t: t.scalar(select(ForgottenCard.id)))
    assert forgotten is not None
    tools = Post(database, payments=gateway).tools
    with monkeypatch.context() as patched:
        patched.setattr(gateway, "forget", away)
        with pytest.raises(GatewayTimeout) as raised:
            await payment.forget_card(tools, forgotten)
    assert card.gateway_token not in describe(raised.value)
    for _ in range(2):
        await payment.forget_card(tools, forgotten)
    assert await _remembered(gateway) == set()


async def test_card_of_another_is_not_found(database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet):
    other = await database.transact(account)
    added = await payment.add(database, gateway, wallet, asked())
    assert added.method_id is not None
    for key in (added.method_id, new_id()):
        outcome = await database.transact(lambda t, key=key: payment.remove(t, other, key))
        assert outcome == [Refusal(RefusalCode.NOT_FOUND, payment.NOT_FOUND.message, ("id",))]
    assert len(await cards(database, wallet)) == 1


async def test_neither_key_nor_token_is_kept_for_the_repetition(
    database: RolledBackDatabase, gateway: LocalGateway, wallet: Wallet
):
    await payment.add(database, gateway, wallet, asked(key="key of a customer"))
    rows = (await database.transact(lambda t: t.execute(select(Idempotency.__table__)))).all()
    assert len(rows) == 1
    assert not any(secret in repr(rows) for secret in ("key of a customer", "tok_visa"))


async def _work(database: Database, gateway: LocalGateway) -> None:
    """Does the jobs that are due."""
    await Jobs(database, Post(database, payments=gateway).tools, payment.HANDLERS).drain()


async def _remembered(gateway: LocalGateway) -> set[str]:
    """The cards in the gateway's book."""
    return await gateway._book.do(lambda book: {row[0] for row in book.execute("SELECT token FROM card")})
