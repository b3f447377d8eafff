"""Saved ways to pay: a customer's cards, kept by the gateway, of which the shop knows what they are recognised by (P4).

The gateway is asked between two transactions, never within one. Its key of a card is made from the account, the
client's key and token, so that a repetition after whatever went wrong saves no second card.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import idempotency
from commerce.tools import Tools
from gateways.jobs import Handler, Job, enqueue
from gateways.payments import Action, GatewayTimeout, InvalidToken, KeyReused, PaymentGateway, SavedMethod
from models.account import Account
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.payment import ForgottenCard, PaymentMethod

MOST_CARDS = 20
ADDING = "paymentMethodAdd"
FORGET = "payment.forget_card"

TOKEN = ("gatewayToken",)
NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such payment method of yours.", ("id",))
FULL = Refusal(RefusalCode.LIMIT_REACHED, f"You may keep {MOST_CARDS} payment methods. Remove one first.")
DECLINED = Refusal(RefusalCode.PAYMENT_DECLINED, "Your bank declined the card. It was not saved.", TOKEN)
NO_ANSWER = Refusal(RefusalCode.PAYMENT_DECLINED, "The payment provider did not answer. Try again in a moment.")
UNKNOWN_TOKEN = Refusal(RefusalCode.INVALID, "The payment provider does not know this card.", TOKEN)
ACTION_REQUIRED = Refusal(RefusalCode.PAYMENT_ACTION_REQUIRED, "Your bank asks you to confirm the card first.")

Outcome = UUID | list[Refusal]


@dataclass(frozen=True, slots=True)
class Wallet:
    """Whose cards, and through which channel."""

    account_id: UUID
    channel: Channel


@dataclass(frozen=True, slots=True)
class Added:
    """`action` is what its owner has to do before the card may be charged."""

    method_id: UUID | None = None
    action: Action | None = None
    refusals: list[Refusal] = field(default_factory=list)


async def add(database: Database, payments: PaymentGateway, wallet: Wallet, given: Mapping[str, Any]) -> Added:
    """Saves the card of `gateway_token`; `make_default` makes it the one that is offered first.

    INVALID for an unknown token, PAYMENT_DECLINED, LIMIT_REACHED: nothing is kept then. PAYMENT_ACTION_REQUIRED comes
    with a card that is saved, and that the bank asks its owner about.
    """
    earlier = await database.transact(partial(_earlier, wallet=wallet, given=given))
    if isinstance(earlier, list):
        return Added(refusals=earlier)
    if earlier is not None and not await database.transact(partial(_exists, wallet=wallet, method_id=earlier)):
        return Added(earlier)
    try:
        saved = await payments.save(given["gateway_token"], _card_key(wallet, given))
    except InvalidToken:
        return Added(refusals=[UNKNOWN_TOKEN])
    except KeyReused:
        return Added(refusals=[idempotency.CONFLICT])
    except GatewayTimeout:
        return Added(refusals=[NO_ANSWER])
    if saved is None:
        return Added(refusals=[DECLINED])
    outcome = await database.transact(partial(_keep, wallet=wallet, given=given, saved=saved))
    if isinstance(outcome, list):
        return Added(refusals=outcome)
    return Added(outcome, saved.action, [ACTION_REQUIRED] if saved.action else [])


def _card_key(wallet: Wallet, given: Mapping[str, Any]) -> UUID:
    """The gateway's key of the card, the same for a repetition and for nothing else."""
    return uuid5(NAMESPACE_OID, repr((ADDING, wallet.account_id, given["idempotency_key"], given["gateway_token"])))


async def _earlier(transaction: AsyncConnection, wallet: Wallet, given: Mapping[str, Any]) -> Outcome | None:
    """What was done with the key before, or why nothing may be done."""
    earlier = await idempotency.earlier(transaction, wallet.account_id, ADDING, given)
    if earlier is None and await _is_full(transaction, wallet):
        return [FULL]
    return earlier


async def _exists(transaction: AsyncConnection, wallet: Wallet, method_id: UUID) -> bool:
    own = (PaymentMethod.account_id == wallet.account_id, PaymentMethod.id == method_id)
    return await transaction.scalar(select(PaymentMethod.id).where(*own)) is not None


async def _is_full(transaction: AsyncConnection, wallet: Wallet) -> bool:
    own = select(func.count()).select_from(PaymentMethod).where(PaymentMethod.account_id == wallet.account_id)
    return (await transaction.scalar(own) or 0) >= MOST_CARDS


async def _keep(transaction: AsyncConnection, wallet: Wallet, given: Mapping[str, Any], saved: SavedMethod) -> Outcome:
    """Writes down the card that the gateway has saved; if it may not be, the gateway shall forget it."""
    # The account's other cards wait: two at once neither pass the limit nor are both the default.
    await transaction.execute(select(Account.id).where(Account.id == wallet.account_id).with_for_update(key_share=True))
    write = partial(_write, transaction, wallet, saved, is_default=bool(given.get("make_default")))
    outcome = await idempotency.once(transaction, wallet.account_id, ADDING, given, write)
    if isinstance(outcome, list):
        kept = select(PaymentMethod.id).where(PaymentMethod.gateway_token == saved.token)
        if await transaction.scalar(kept) is None:
            await discard(transaction, saved.token)
    return outcome


async def _write(transaction: AsyncConnection, wallet: Wallet, saved: SavedMethod, *, is_default: bool) -> Outcome:
    if await _is_full(transaction, wallet):
        return [FULL]
    if is_default:
        others = update(PaymentMethod).where(PaymentMethod.account_id == wallet.account_id, PaymentMethod.is_default)
        await transaction.execute(others.values(is_default=False))
    method_id = new_id()
    await transaction.execute(
        insert(PaymentMethod).values(
            id=method_id,
            account_id=wallet.account_id,
            channel=wallet.channel,
            gateway_token=saved.token,
            brand=saved.brand,
            last4=saved.last4,
            expiry_month=saved.expiry_month,
            expiry_year=saved.expiry_year,
            is_default=is_default,
        )
    )
    return method_id


async def remove(transaction: AsyncConnection, account_id: UUID, method_id: UUID) -> Outcome:
    """Deletes a saved card, here at once and at the gateway soon. Orders keep what they say of it."""
    card = delete(PaymentMethod).where(PaymentMethod.account_id == account_id, PaymentMethod.id == method_id)
    token = await transaction.scalar(card.returning(PaymentMethod.gateway_token))
    if token is None:
        return [NOT_FOUND]
    await discard(transaction, token)
    return method_id


async def discard(transaction: AsyncConnection, gateway_token: str) -> None:
    """Promises that the gateway forgets the card. Its owner's row is gone, or goes in the same transaction."""
    card_id = new_id()
    await transaction.execute(insert(ForgottenCard).values(id=card_id, gateway_token=gateway_token))
    await enqueue(transaction, Job(FORGET, card_id))


async def forget_card(tools: Tools, card_id: UUID) -> None:
    """Has the gateway forget a card. Raises GatewayTimeout."""
    card = ForgottenCard.id == card_id
    token = await tools.database.transact(lambda t: t.scalar(select(ForgottenCard.gateway_token).where(card)))
    if token is not None:
        await tools.payments.forget(token)
        await tools.database.transact(lambda t: t.execute(delete(ForgottenCard).where(card)))


HANDLERS: dict[str, Handler[Tools]] = {FORGET: forget_card}
