"""Letters about orders: to the address that was given with the order, as long as it is kept."""

from dataclasses import replace

from sqlalchemy import delete, select, update

from commerce.order_drafting import Purchase
from commerce.placing import Desk
from commerce.reconciling import reconcile
from models.job import QueuedJob
from models.order import Order, OrderContact
from tests.support.account import Post
from tests.support.database import RolledBackDatabase
from tests.support.ordering import Buyer, Trousseau, place


async def test_customer_is_told_what_was_ordered_and_what_it_costs(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    await place(desk, ana, trousseau.purchase)
    [letter] = await Post(database, payments=desk.payments).deliver()
    number = await database.connection.scalar(select(Order.number))
    assert (letter.to, letter.subject) == (f"{ana.account_id.hex}@example.com", f"Your order {number}")
    for words in ("2 x Linen romper: 46.00 USD", "Discount: -4.60 USD", "Shipping: 5.00 USD", "Total: 46.40 USD"):
        assert words in letter.text


async def test_customer_is_told_that_a_payment_failed_after_all(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await place(desk, ana, replace(purchase, gateway_token="tok_timeout_lost"))
    await reconcile(database, desk.payments)
    [letter] = await Post(database, payments=desk.payments).deliver()
    assert letter.subject.startswith("The payment of your order LL-")
    assert "45.00 USD" in letter.text


async def test_refusal_that_was_answered_at_once_needs_no_letter(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await place(desk, ana, replace(purchase, gateway_token="tok_declined"))
    assert await Post(database, payments=desk.payments).deliver() == []


async def test_nobody_is_written_to_who_is_gone_or_gave_no_address(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await place(desk, ana, purchase)
    await database.connection.execute(update(OrderContact).values(email=None))
    assert await Post(database, payments=desk.payments).deliver() == []
    await database.connection.execute(delete(OrderContact))
    assert await Post(database, payments=desk.payments).deliver() == []


async def test_jobs_about_orders_hold_keys_and_nothing_of_a_person(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await place(desk, ana, purchase)
    [job] = (await database.connection.execute(select(QueuedJob.__table__))).all()
    assert (job.kind, job.subject_id, job.dedupe) == ("order.confirmation", placed.order_id, None)
