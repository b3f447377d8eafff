"""Customers at a shop that may die under their hands: what they ask for over HTTP, and what they were answered."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from commerce import cart_codes, stock
from commerce.basket import Basket, LineDraft
from models.ids import new_id, show_id
from models.stock import StockEntryKind
from tests.support import ordering, selling
from tests.support.login_session import LAPTOP

FULL_PRICE = ordering.PRICE + ordering.SHIPPING
WITH_CODE = FULL_PRICE - ordering.PRICE // 10
CODE_USES = 2
"""How often the code of a crowd is good, of the three customers who have it."""

APPROVED = ("tok_visa", "tok_visa", "tok_mastercard", "tok_timeout", "tok_late", "tok_action")
REFUSED = ("tok_declined", "tok_timeout_lost", "tok_late_declined", "tok_action_declined")

AWAY = "SERVICE_UNAVAILABLE"

_PLACE = """mutation ($input: OrderPlaceInput!) { done: orderPlace(input: $input) {
  order { id status total { amount } } userErrors { code } } }"""
_CANCEL = """mutation ($input: OrderCancelInput!) { done: orderCancel(input: $input) {
  order { id status } userErrors { code } } }"""
_CONTINUE = """mutation ($input: OrderPaymentContinueInput!) { done: orderPaymentContinue(input: $input) {
  order { id status } userErrors { code } } }"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mutation acknowledged: the order as it was, None where there was none, and the codes of refusals."""

    order: Any
    codes: tuple[str, ...]

    @property
    def order_id(self) -> str | None:
        return self.order and self.order["id"]


@dataclass(eq=False)
class Shopper:
    """Somebody with one thing to order, under one key; `answers` are those that came."""

    who: ordering.Buyer
    session: str = field(repr=False)
    cart_id: UUID
    variant_id: UUID
    token: str
    total: int
    answers: list[Answer] = field(default_factory=list)
    cancelling: bool = False
    cancelled: Answer | None = None

    @property
    def may_pay(self) -> bool:
        return self.token in APPROVED

    @property
    def told(self) -> Answer | None:
        """The last answer."""
        return self.answers[-1] if self.answers else None

    @property
    def order_id(self) -> str | None:
        """The order that this customer knows of."""
        return next((one.order_id for one in reversed(self.answers) if one.order_id), None)

    async def places(self, shop: httpx.AsyncClient) -> None:
        """Orders, or repeats what was ordered."""
        address = show_id("adr", self.who.address_id)
        answer = await self._asks(
            shop,
            _PLACE,
            cartId=show_id("crt", self.cart_id),
            expectedTotal={"amount": f"{self.total / 100:.2f}", "currencyCode": "USD"},
            shippingAddressId=address,
            billingAddressId=address,
            shippingMethod="standard",
            gatewayToken=self.token,
            idempotencyKey=f"of {self.cart_id.hex}",
        )
        if answer is not None:
            self.answers.append(answer)

    async def cancels(self, shop: httpx.AsyncClient) -> None:
        self.cancelling = True
        answer = await self._asks(shop, _CANCEL, id=self.order_id, idempotencyKey="no more")
        self.cancelled = self.cancelled or answer

    async def continues(self, shop: httpx.AsyncClient) -> None:
        """Is back from the bank."""
        await self._asks(shop, _CONTINUE, id=self.order_id, idempotencyKey="back")

    async def _asks(self, shop: httpx.AsyncClient, query: str, **given: Any) -> Answer | None:
        """What the shop answered; None where it died, or said that it cannot at the moment."""
        try:
            answer = await shop.post(
                "/graphql",
                json={"query": query, "variables": {"input": given}},
                headers={"authorization": f"Bearer {self.session}"},
            )
        except httpx.TransportError:
            return None
        said = answer.json()
        if errors := said.get("errors"):
            assert {error["extensions"]["code"] for error in errors} == {AWAY}, errors
            return None
        done = said["data"]["done"]
        return Answer(done["order"], tuple(error["code"] for error in done["userErrors"]))


async def crowd(
    transaction: AsyncConnection, tokens: Sequence[str] = APPROVED + REFUSED, *, scarce: bool = True
) -> list[Shopper]:
    """A customer for each token, all after the same thing.

    Where it is scarce there is a piece too few, and three have a code for ten percent off that is good for two.
    """
    variant_id = await _stocked(transaction, len(tokens) - scarce)
    code = f"C{new_id().hex.upper()}"
    await selling.discount(transaction, code, total_limit=CODE_USES)
    return [
        await _shopper(transaction, variant_id, token, code if scarce and at <= CODE_USES else None)
        for at, token in enumerate(tokens)
    ]


async def rush(shop: httpx.AsyncClient, shoppers: Iterable[Shopper], within: float = 0.0) -> None:
    """Everybody orders, each at some moment of so many seconds."""

    async def come(one: Shopper) -> None:
        await asyncio.sleep(random.uniform(0, within))
        await one.places(shop)

    await asyncio.gather(*map(come, shoppers))


async def _stocked(transaction: AsyncConnection, count: int) -> UUID:
    variant_id = await selling.variant(transaction, on_hand=0)
    received = await stock.adjust(transaction, stock.Adjustment(variant_id, count, StockEntryKind.RECEIVED))
    assert isinstance(received, UUID), received
    return variant_id


async def _shopper(transaction: AsyncConnection, variant_id: UUID, token: str, code: str | None) -> Shopper:
    who = await ordering.buyer(transaction)
    issued = await sessions.issue(transaction, who.account_id, LAPTOP)
    purchase = await ordering.in_cart(transaction, who, LineDraft(variant_id, 1), total=FULL_PRICE, token=token)
    assert purchase.cart.key is not None
    if code is not None:
        entered = await cart_codes.enter(transaction, who.viewer, purchase.cart.key, [code])
        assert isinstance(entered, Basket), entered
    total = FULL_PRICE if code is None else WITH_CODE
    return Shopper(who, issued.token, purchase.cart.key, variant_id, token, total)
