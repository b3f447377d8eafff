"""Buying something, and watching over a socket what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

from layette_client import LayetteClient
from layette_client.enums import CurrencyCode, OrderStatus
from layette_client.fragments import PlacedOrder
from layette_client.input_types import (
    AddressCreateInput,
    CartCreateInput,
    CartLineInput,
    CartQuoteInput,
    MoneyInput,
    OrderCancelInput,
    OrderPlaceInput,
    ProductFilter,
)
from layette_client.order_updates import OrderUpdates

from tests.clients.journeys.visitor import Visitor, answered_with

USD = CurrencyCode.USD
SOON = 5.0
PLENTY = 8


async def buy(api: LayetteClient) -> PlacedOrder:
    """Whatever there is, to be sent to Portland."""
    address = await _address(api)
    lines = [CartLineInput(variantId=await _variant(api), quantity=1)]
    created = (await api.create_cart(CartCreateInput(currencyCode=USD, lines=lines))).cart_create
    assert not created.user_errors, created.user_errors
    assert created.cart is not None
    asked = CartQuoteInput(shippingAddressId=address, shippingMethod="standard")
    quoted = (await api.quote(created.cart.id, asked)).cart
    assert quoted is not None
    assert not quoted.quote.user_errors, quoted.quote.user_errors
    placing = OrderPlaceInput(
        cartId=created.cart.id,
        expectedTotal=MoneyInput(amount=quoted.quote.total.amount, currencyCode=USD),
        shippingAddressId=address,
        billingAddressId=address,
        shippingMethod="standard",
        gatewayToken="tok_visa",
        idempotencyKey=uuid4().hex,
    )
    placed = (await api.place_order(placing)).order_place
    assert not placed.user_errors, placed.user_errors
    assert placed.order is not None
    assert placed.order.total.amount == quoted.quote.total.amount
    return placed.order


async def _address(api: LayetteClient) -> str:
    portland = AddressCreateInput(
        recipientName="Ada Example",
        line1="1 Main St",
        city="Portland",
        region="Oregon",
        postalCode="97201",
        countryCode="US",
    )
    created = (await api.create_address(portland)).address_create
    assert not created.user_errors, created.user_errors
    assert created.address is not None
    return created.address.id


async def _variant(api: LayetteClient) -> str:
    """The first that can be bought without measurements, and that others who buy now do not take away."""
    page = (await api.browse(first=50, filter_=ProductFilter(available=True), currency_code=USD)).products
    for edge in page.edges:
        product = (await api.product_page(edge.node.slug, USD)).product
        assert product is not None
        for variant in product.variants:
            if variant.quantity_available >= PLENTY and not product.custom_made:
                return variant.id
    raise AssertionError("there is nothing to buy")


async def watch(owner: Visitor, order: PlacedOrder) -> None:
    """The order as it is, then as it is once it was cancelled elsewhere."""
    updates = owner.api.order_updates(order.id, True)
    assert await _next(updates) == order
    assert order.status is OrderStatus.PLACED
    cancelling = OrderCancelInput(id=order.id, idempotencyKey=uuid4().hex)
    cancelled = (await owner.api.cancel_order(cancelling)).order_cancel
    assert not cancelled.user_errors, cancelled.user_errors
    update = await _next(updates)
    while update.status is not OrderStatus.CANCELLED:
        update = await _next(updates)
    assert update.version > order.version


async def lose_the_session(owner: Visitor, order: PlacedOrder) -> None:
    """Whoever is signed out elsewhere hears no more."""
    updates = owner.api.order_updates(order.id, True)
    assert (await _next(updates)).id == order.id
    assert (await owner.api.sign_out()).sign_out.signed_out
    with answered_with("UNAUTHENTICATED"):
        while True:
            await _next(updates)


async def try_as_stranger(stranger: Visitor, order: PlacedOrder, code: str) -> None:
    """Whose order it is not, hears nothing of it."""
    with answered_with(code):
        await _next(stranger.api.order_updates(order.id, True))


async def _next(updates: AsyncIterator[OrderUpdates]) -> PlacedOrder:
    return (await asyncio.wait_for(anext(updates), SOON)).order_updated
