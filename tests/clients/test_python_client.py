"""A Python client that ariadne-codegen makes from the committed SDL goes through the shop."""

import sys
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients import python_client
from tests.clients.mailbox import Mailbox
from tests.clients.shop_process import OpenShop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The folder of the generated package, which can be imported meanwhile."""
    folder = tmp_path_factory.mktemp("python-client")
    python_client.generate(folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def test_client_is_used_as_its_types_say(generated: Path):
    python_client.check_types(generated)


async def test_visitor_browses_the_catalogue(generated: Path, shop: OpenShop):
    from tests.clients.journeys import catalogue
    from tests.clients.journeys.visitor import visitor

    async with visitor(shop) as anybody:
        await catalogue.enter(anybody.api)
        await catalogue.turn_pages(anybody.api)
        await catalogue.narrow_down(anybody.api)
        await catalogue.search(anybody.api)
        await catalogue.look_at_one(anybody.api)
        await catalogue.look_through_shelves(anybody.api)
        await catalogue.ask_too_much(anybody.api)


async def test_person_opens_an_account_and_keeps_it(generated: Path, shop: OpenShop):
    from tests.clients.journeys import account, address_book
    from tests.clients.journeys.visitor import customer, visitor

    name = f"ada-{uuid4().hex[:12]}"
    mailbox = Mailbox(shop.home, f"{name}@example.com")
    other_mailbox = Mailbox(shop.home, f"{name}-new@example.com")
    async with visitor(shop) as laptop, visitor(shop) as phone:
        person = account.Person(laptop, phone, mailbox, other_mailbox)
        await account.register(person)
        await account.verify(person)
        await account.describe_oneself(person)
        await account.say_what_one_likes(person)
        await address_book.fill_in_the_form(laptop.api)
        kept = await address_book.keep_addresses(laptop.api)
        async with customer(shop, "customer1@example.com") as stranger:
            await address_book.try_as_stranger(stranger.api, kept)
        await account.sign_in_on_the_phone(person)
        await account.step_up(person)
        await account.change_password(person)
        await account.reset_password(person)
        await account.change_address(person)
        await account.take_account_back(person)
        await account.end_sessions(person)
        await account.read_the_activity(person)
        await account.sign_out(person)


async def test_customer_looks_back_at_orders(generated: Path, shop: OpenShop):
    from tests.clients.journeys import orders
    from tests.clients.journeys.visitor import customer, visitor

    async with customer(shop, "customer6@example.com") as buyer:
        order_id = await orders.look_back(buyer.api)
    async with customer(shop, "customer1@example.com") as stranger, visitor(shop) as anybody:
        await orders.try_as_stranger(stranger.api, order_id)
        await orders.try_as_stranger(anybody.api, order_id)


async def test_customer_watches_what_becomes_of_an_order(generated: Path, shop: OpenShop):
    from tests.clients.journeys import live_orders
    from tests.clients.journeys.visitor import customer, visitor

    async with customer(shop, "customer7@example.com") as buyer:
        order = await live_orders.buy(buyer.api)
        await live_orders.watch(buyer, order)
        async with customer(shop, "customer1@example.com") as stranger, visitor(shop) as anybody:
            await live_orders.try_as_stranger(stranger, order, "NOT_FOUND")
            await live_orders.try_as_stranger(anybody, order, "UNAUTHENTICATED")
        await live_orders.lose_the_session(buyer, order)
