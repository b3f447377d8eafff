"""Looking back at what one has bought."""

from decimal import Decimal

from layette_client import LayetteClient
from layette_client.fragments import OrderCard
from layette_client.order_page import OrderPageOrder

PAGE = 5


async def look_back(api: LayetteClient) -> str:
    """Through one's orders, newest first, both ways; then into each. Answers the id of one."""
    orders = await _forwards(api)
    assert len({order.number for order in orders}) == len(orders) > PAGE
    placed = [order.placed_at for order in orders]
    assert placed == sorted(placed, reverse=True)
    assert await _backwards(api) == orders
    for card in orders[:PAGE]:
        order = (await api.order_page(card.id)).order
        assert order is not None
        assert (order.number, order.status) == (card.number, card.status)
        await _check(api, order)
    return orders[0].id


async def _forwards(api: LayetteClient) -> list[OrderCard]:
    found: list[OrderCard] = []
    after: str | None = None
    while True:
        me = (await api.orders(first=PAGE, after=after)).me
        assert me is not None
        assert me.orders is not None
        found += [edge.node for edge in me.orders.edges]
        after = me.orders.page_info.end_cursor
        if not me.orders.page_info.has_next_page:
            return found


async def _backwards(api: LayetteClient) -> list[OrderCard]:
    found: list[OrderCard] = []
    before: str | None = None
    while True:
        me = (await api.orders(last=PAGE, before=before)).me
        assert me is not None
        assert me.orders is not None
        found = [edge.node for edge in me.orders.edges] + found
        before = me.orders.page_info.start_cursor
        if not me.orders.page_info.has_previous_page:
            return found


async def _check(api: LayetteClient, order: OrderPageOrder) -> None:
    """The sums are right, and each line leads back to the product."""
    assert order.subtotal.amount == sum((line.total.amount for line in order.lines), Decimal())
    for line in order.lines:
        work = sum((one.price.amount for one in line.alterations), Decimal())
        assert line.total.amount == (line.unit_price.amount + work) * line.quantity
    before_tax = order.subtotal.amount - order.discount_total.amount + order.shipping_total.amount
    assert order.total.amount - before_tax in {Decimal(), order.tax_total.amount}
    assert order.contact is not None
    assert order.contact.email is not None
    for line in order.lines:
        if line.variant is not None:
            assert line.variant.sku == line.sku
            assert (await api.product_page(line.variant.product.slug)).product is not None


async def try_as_stranger(api: LayetteClient, order_id: str) -> None:
    """Whose order it is not, does not see that there is one."""
    assert (await api.order_page(order_id)).order is None
    assert (await api.things([order_id])).nodes == [None]
