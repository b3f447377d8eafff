"""The fictional boutique: the same at every planting but for its keys, and as if it had opened long ago."""

from datetime import UTC, datetime, timedelta
from random import Random

from auth.roles import ROLES
from models.account import Account
from models.catalogue import Product
from models.order import Order
from seeds.counting import Progress
from seeds.demo import data
from seeds.demo.accounts import add_customer
from seeds.demo.catalogue import add_goods, read_goods
from seeds.demo.orders import Till, read_wishes
from seeds.demo.people import Customer, read_customer
from seeds.demo.reviews import Reviewers, add_reviews
from seeds.demo.shelves import add_shelves
from seeds.demo.staff import add_staff, address_of, note_on
from seeds.purchases import Purchase, add_order
from seeds.rows import Connection, Rows
from seeds.sign_in import Notes

SIGN_INS = 9
_SEED = 1789


async def plant(connection: Connection, password_hash: str, progress: Progress) -> Notes:
    """Plants the shop within the connection's transaction. Answers who may sign in."""
    rows, customers = _sow(password_hash, datetime.now(UTC).replace(microsecond=0))
    progress(f"planting {rows.count(Product)} products, {rows.count(Account)} customers, {rows.count(Order)} orders")
    await rows.copy(connection)
    notes = {customer.person.email: customer.text["note"] for customer in customers[:SIGN_INS]}
    return notes | {address_of(role): note_on(role) for role in ROLES}


def _sow(password_hash: str, now: datetime) -> tuple[Rows, list[Customer]]:
    rows, random = Rows(), Random(_SEED)
    shelves = add_shelves(rows)
    stock = read_goods(shelves, now, random)
    till = Till(stock, now, random)
    customers: list[Customer] = []
    purchases: list[Purchase] = []
    for number, text in enumerate(data.read("customers")["customer"], start=1):
        wishes = read_wishes(text, random)
        first_order = max((wish.days_ago for wish in wishes), default=10)
        registered = now - timedelta(days=first_order + random.randint(1, 20))
        customer = read_customer(text, number, registered, random)
        add_customer(rows, customer, shelves.makers, password_hash, now, random)
        purchases += till.purchases(customer, wishes)
        customers.append(customer)
    purchases += till.sales_to_nobody()
    add_staff(rows, password_hash, now)
    for purchase in purchases:
        add_order(rows, purchase)
    people = [customer.person for customer in customers]
    tallies = add_reviews(rows, stock, Reviewers(people, purchases, now, random), random)
    for goods in stock:
        add_goods(rows, shelves, goods, tallies[goods.id], random)
    return rows, customers
