"""The fictional boutique: the same at every planting but for its keys, and as if it had opened long ago."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from auth.roles import ROLES
from commerce import measurement
from gateways.payments import Charged
from models.catalogue import Product
from models.order import Order
from seeds.demo import data
from seeds.demo.accounts import add_customer, saved_card
from seeds.demo.bodies import Bodies
from seeds.demo.catalogue import add_goods, read_goods
from seeds.demo.orders import Premises, Till, read_wishes
from seeds.demo.people import Customer, read_customer
from seeds.demo.reviews import Reviewers, add_reviews
from seeds.demo.shelves import add_shelves
from seeds.demo.staff import add_staff, address_of, note_on
from seeds.installation import Planting
from seeds.ledger import Journal
from seeds.office import Office
from seeds.purchases import Purchase
from seeds.rows import Rows
from seeds.sign_in import Notes
from seeds.terms import Offers, add_methods

SIGN_INS = 9
_SEED = 1789
_UNWANTED = (
    "The sleeves end where the hands do. A photograph can follow.",
    "A seam came open at the first wearing.",
    "Lovely, but my mother-in-law bought the same one.",
)


@dataclass(frozen=True, slots=True)
class Sown:
    """Rows to be planted, whose they are, and what the payment gateway has to know of."""

    rows: Rows
    customers: Sequence[Customer]
    charged: Sequence[Charged]


async def plant(planting: Planting) -> Notes:
    """Plants the shop within the connection's transaction. Answers who may sign in, with what is special about them."""
    sown = _sow(planting, datetime.now(UTC).replace(microsecond=0))
    rows, progress = sown.rows, planting.progress
    people = f"{len(sown.customers)} customers, {len(ROLES)} staff"
    progress(f"planting {rows.count(Product)} products, {people}, {rows.count(Order)} orders")
    await rows.copy(planting.connection)
    cards = [saved_card(customer) for customer in sown.customers if "card" in customer.text]
    await planting.gateway.enter(sown.charged, cards)
    notes = {customer.person.email: customer.text["note"] for customer in sown.customers[:SIGN_INS]}
    return notes | {address_of(role): note_on(role) for role in ROLES}


def _with_requests(purchases: Sequence[Purchase], till: Till) -> list[Purchase]:
    """The same, and some of what came lately is not wanted any more; but not by the first customer."""
    first = purchases[0].buyer
    young = [purchase for purchase in purchases if purchase.buyer is not first and till.lately(purchase)]
    notes = {purchase.number: note for purchase, note in zip(young, _UNWANTED, strict=False)}
    return [replace(purchase, unwanted=notes.get(purchase.number)) for purchase in purchases]


def _sow(planting: Planting, now: datetime) -> Sown:
    rows, random, installation = Rows(), Random(_SEED), planting.installation
    shelves, methods, ledger = add_shelves(rows), add_methods(rows, installation.ships_to), Journal(now)
    offers = Offers(shelves.categories, now)
    bodies = Bodies(rows, measurement.sealer_of(installation.secret), random)
    stock = read_goods(shelves, now, random)
    till = Till(stock, Premises(shelves, offers, bodies, installation.store), now, random)
    office = Office(rows, methods, offers, ledger, installation, now)
    customers: list[Customer] = []
    purchases: list[Purchase] = []
    for number, text in enumerate(data.read("customers")["customer"], start=1):
        wishes = read_wishes(text, random)
        first_order = max((wish.days_ago for wish in wishes), default=10)
        registered = now - timedelta(days=first_order + random.randint(1, 20))
        customer = read_customer(text, number, registered, random)
        add_customer(rows, customer, shelves.makers, planting.password_hash, now, random)
        purchases += till.purchases(customer, wishes)
        customers.append(customer)
    purchases += till.sales_to_nobody()
    add_staff(rows, planting.password_hash, now)
    for purchase in _with_requests(purchases, till):
        office.add_order(purchase)
    offers.add(rows)
    people = [customer.person for customer in customers]
    tallies = add_reviews(rows, stock, Reviewers(people, purchases, now, random), random)
    for goods in stock:
        add_goods(rows, shelves, goods, tallies[goods.id], ledger, random)
    return Sown(rows, customers, office.charged)
