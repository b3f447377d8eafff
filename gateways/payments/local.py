"""The local gateway, for demo and tests: it behaves as a real one does, by the token that it is given.

Its book lies in a folder of its own and knows nothing of the shop's database, so that the two can disagree as they can
in life: `gateways.payments.local_cards` says what each token does.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from gateways.payments import (
    ACTION_LASTS,
    Charged,
    ChargeRequest,
    GatewayEvent,
    GatewayTimeout,
    InvalidToken,
    SavedMethod,
)
from gateways.payments import local_charges as charges
from gateways.payments import local_webhooks as webhooks
from gateways.payments.book import Book
from gateways.payments.local_cards import CARDS, EXPIRY_MONTH, EXPIRY_YEAR, Way
from gateways.payments.local_webhooks import Webhook
from models.payment import RefundStatus

DELAY = 2.0
"""Seconds until an answer that never comes is waited for no more, and until a late decision is made."""

PAGE = 500


class LocalGateway:
    """The gateway whose book lies in `folder`. `secret` signs its webhooks; `delay` is in seconds.

    `durable=False` is for tests: a power cut loses charges.
    """

    name = "local"

    def __init__(self, folder: Path, secret: bytes, *, delay: float = DELAY, durable: bool = True) -> None:
        self._book = Book(folder, durable=durable)
        self._secret = hmac.new(secret, b"webhooks of the local gateway", hashlib.sha256).digest()
        self._delay = delay
        self.promised = asyncio.Event()
        """Set when this process has promised a webhook, or has closed the gateway."""

    @property
    def closed(self) -> bool:
        return self._book.closed

    async def charge(self, request: ChargeRequest) -> Charged:
        take = partial(charges.take, request=request, now=time.time(), delay=self._delay)
        charged, way = await self._book.do(take)
        if way is Way.LATER:
            self.promised.set()
        if charged is None or way is Way.WITHOUT_ANSWER:
            await asyncio.sleep(self._delay)
            raise GatewayTimeout("no answer")
        return charged

    async def find(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        row = await self._book.do(partial(charges.look_up, charge_id=charge_id, now=time.time()))
        return row and charges.shown(row)

    async def resume(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        return await self._book.do(partial(charges.resume, charge_id=charge_id, now=time.time()))

    async def void(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        return await self._book.do(partial(charges.void, charge_id=charge_id, now=time.time()))

    async def capture(self, charge_id: UUID, amount: int, *, gateway_key: str | None = None) -> Charged | None:
        return await self._book.do(partial(charges.capture, charge_id=charge_id, amount=amount, now=time.time()))

    async def refund(
        self, charge_id: UUID, refund_id: UUID, amount: int, *, gateway_key: str | None = None
    ) -> RefundStatus:
        pay_back = partial(charges.refund, charge_id=charge_id, refund_id=refund_id, amount=amount, now=time.time())
        return await self._book.do(pay_back)

    async def save(self, token: str, key: UUID) -> SavedMethod | None:
        card = CARDS.get(token)
        if card is None:
            raise InvalidToken
        if not card.may_be_saved:
            return None
        saved, secret = await self._book.do(partial(charges.save, token=token, key=key))
        expires_at = time.time() + ACTION_LASTS.total_seconds()
        action = charges.action(secret, expires_at) if secret else None
        return SavedMethod(saved, card.brand, card.last4, EXPIRY_MONTH, EXPIRY_YEAR, action)

    async def forget(self, token: str) -> None:
        await self._book.do(partial(charges.forget, saved=token))

    async def book(self, since: datetime | None = None) -> AsyncIterator[Charged]:
        begins, after = since.timestamp() if since else 0.0, 0
        while True:
            page = partial(charges.page, after=after, since=begins, size=PAGE, now=time.time())
            found, after = await self._book.do(page)
            for charged in found:
                yield charged
            if len(found) < PAGE:
                return

    def read_event(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        return webhooks.read(headers, body, self._secret, time.time())

    async def enter(self, entered: Iterable[Charged], cards: Iterable[tuple[str, str]] = ()) -> None:
        """Writes what a fictional shop has behind it: charges as they are, and saved cards.

        A card is a saved method's token and the client's token that it behaves as.
        """
        made = [*entered]
        kept = [*cards]

        def write(book: charges.Connection) -> None:
            charges.enter(book, made, time.time())
            charges.enter_cards(book, kept)

        await self._book.do(write)

    async def due_webhooks(self) -> list[Webhook]:
        """What is to be told the shop now; nobody else is given it."""
        now = time.time()
        rows = await self._book.do(partial(charges.due_webhooks, now=now))
        return [webhooks.written(row, self._secret, now) for row in rows]

    async def next_webhook(self) -> float | None:
        """When there is something to tell, in seconds since 1970."""
        return await self._book.do(charges.next_webhook)

    async def close(self) -> None:
        await self._book.close()
        self.promised.set()
