"""A shop of any size to measure with: for N products 4N variants, 10N reviews, 2N customers and 10N orders."""

from collections.abc import Callable
from datetime import UTC, datetime

from seeds.bench.catalogue import Catalogue
from seeds.bench.people import People
from seeds.bench.reviews import PER_PRODUCT, Opinions
from seeds.counting import Counting
from seeds.installation import Planting
from seeds.ledger import Sums
from seeds.office import Office
from seeds.rows import Rows
from seeds.sign_in import Notes
from seeds.terms import Offers, add_methods

SIGN_INS = 9
CUSTOMERS_PER_PRODUCT = 2

# So much is held in memory at once.
_BATCH = 250


async def plant(planting: Planting, *, products: int) -> Notes:
    """Plants the shop within the connection's transaction. Answers who may sign in."""
    now = datetime.now(UTC).replace(microsecond=0)
    rows, ledger, customers = Rows(), Sums(now), products * CUSTOMERS_PER_PRODUCT
    opinions = Opinions(customers, now)
    catalogue = Catalogue(rows, now)
    catalogue.add_shelves()
    offers = Offers(catalogue.categories, now)
    methods = add_methods(rows, planting.installation.ships_to)
    office = Office(rows, methods, offers, ledger, planting.installation, now)
    people = People(rows, catalogue, office, planting.password_hash, now)

    async def add(what: str, count: int, add_one: Callable[[int], None], batch: int = _BATCH) -> None:
        counting = Counting(planting.progress, what, count)
        for number in range(count):
            add_one(number)
            if (number + 1) % batch == 0 or number + 1 == count:
                await rows.copy(planting.connection)
                await planting.gateway.enter(office.charged)
                office.charged.clear()
                counting.reached(number + 1)

    offers.add(rows)
    await add("products", products, lambda number: catalogue.add_product(number, opinions.tally(number)))
    await add("customers", customers, lambda number: people.add_customer(number, opinions.reviewed_by(number)))
    await add(
        "reviews",
        products * PER_PRODUCT,
        lambda number: opinions.add_review(rows, number, catalogue.products, people.accounts),
        batch=_BATCH * PER_PRODUCT,
    )
    await add("stock", products, lambda number: catalogue.add_ledger(number, ledger), batch=_BATCH * PER_PRODUCT)
    return dict.fromkeys((f"customer{number}@example.com" for number in range(1, min(SIGN_INS, customers) + 1)), "")
