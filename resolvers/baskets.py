"""The carts of one request, each read and priced once, whatever is asked of it."""

import asyncio
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.basket import Basket, of_cart
from commerce.cart_pricing import PricedCart
from commerce.measurement import sealer_of
from models.catalogue import CurrencyCode
from models.database import Database
from models.ids import key_of


class Baskets:
    """Priced carts by key, as text. A mutation holds the basket that it has; else it is read when first asked for."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database, self._secret = database, secret
        self._now = datetime.now(UTC)
        self._known: dict[str, PricedCart] = {}
        self._reading: dict[str, asyncio.Future[PricedCart]] = {}

    def hold(self, basket: Basket) -> None:
        """What the cart is after what the request has done to it."""
        self._known[str(basket.cart_id)] = self._priced(basket)

    def known(self, cart_id: str, version: int) -> PricedCart | None:
        """The cart, if it is held or was read already, at this version or a later one."""
        priced = self._known.get(cart_id)
        return priced if priced is not None and (priced.basket.version or 0) >= version else None

    async def of(self, cart_id: str, version: int, currency: CurrencyCode) -> PricedCart:
        """The cart, whose row was seen at this version: one that is older is read anew. One that went is empty."""
        known = self.known(cart_id, version)
        if known is not None:
            return known
        reading = self._reading.get(cart_id)
        if reading is None or reading.done():
            read = self._read(cart_id, Basket(currency, None, key_of(cart_id), version, ()))
            reading = self._reading[cart_id] = asyncio.ensure_future(read)
        return await reading

    async def _read(self, cart_id: str, gone: Basket) -> PricedCart:
        basket = await self._database.at_once(partial(_basket, gone=gone))
        priced = self._known[cart_id] = self._priced(basket)
        return priced

    def _priced(self, basket: Basket) -> PricedCart:
        return PricedCart(basket, self._now, sealer_of(self._secret))


async def _basket(transaction: AsyncConnection, gone: Basket) -> Basket:
    assert gone.cart_id is not None
    try:
        return await of_cart(transaction, gone.cart_id)
    except LookupError:
        return gone
