"""The catalogue's writing side and stock through HTTP: written by staff, read by everyone, files and all."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from sqlalchemy import func, insert, select

import models
from app.embedded import Services
from app.settings import Settings
from models.catalogue import ProductMedia
from models.database import Database
from models.ids import new_id, read_id, show_id
from models.order import OrderLine, OrderStatus
from models.stock import StockEntry
from tests.support import uploads
from tests.support.pictures import SVG, photograph
from tests.support.selling import order
from tests.support.shop import Shop, copied_shop
from tests.support.sign_in import signed_up
from tests.support.staff import at_work, employed

PRODUCT = """id version slug name description careInstructions archived available customMade taxCategory
  requiredMeasurements audience brand { slug } categories { slug } alterations { kind days price { amount } }
  media { id url alt width height } priceRange { minimum { amount } maximum { amount } }
  variants { id sku size color weightGrams archived available prices { amount currencyCode }
    compareAtPrice { amount } }"""
ERRORS = "userErrors { code field message }"
SAVE = f"mutation ($input: ProductSaveInput!) {{ productSave(input: $input) {{ product {{ {PRODUCT} }} {ERRORS} }} }}"
ARCHIVE = f"""mutation ($input: ProductArchiveInput!) {{
  productArchive(input: $input) {{ product {{ {PRODUCT} }} {ERRORS} }} }}"""
CATEGORY = f"""mutation ($input: CategorySaveInput!) {{
  categorySave(input: $input) {{ category {{ id slug name parent {{ slug }} }} {ERRORS} }} }}"""
BRAND = f"mutation ($input: BrandSaveInput!) {{ brandSave(input: $input) {{ brand {{ id slug name }} {ERRORS} }} }}"
UPLOAD = f"""mutation ($file: Upload!) {{
  productMediaUpload(file: $file) {{ media {{ id url alt width height }} {ERRORS} }} }}"""
ADJUST = f"""mutation ($input: StockAdjustInput!) {{ stockAdjust(input: $input) {{
  variant {{ id available quantityAvailable stock {{ onHand sold }} }}
  entry {{ id change balance kind note at orderNumber }} {ERRORS} }} }}"""
SHOWN = f"query ($slug: String!) {{ product(slug: $slug) {{ {PRODUCT} }} }}"
LEDGER = """query ($id: ID!, $after: String) { node(id: $id) { ... on Variant { archived available quantityAvailable
  stock { onHand sold ledger(first: 2, after: $after) {
    edges { node { change balance kind note orderNumber } } pageInfo { hasNextPage endCursor } } } } } }"""


@dataclass(frozen=True)
class Desk:
    """The shop, and the sessions of those who come to it."""

    shop: Shop
    tokens: dict[str, str | None]

    async def asked(self, query: str, caller: str = "catalogue", **variables: Any) -> Any:
        """The one payload, without errors; user errors as code and field."""
        answer = await self.shop.ask(query, self.tokens[caller], **variables)
        assert "errors" not in answer, answer
        (payload,) = answer["data"].values()
        if payload and "userErrors" in payload:
            payload["userErrors"] = [(one["code"], one["field"]) for one in payload["userErrors"]]
        return payload

    async def send(self, content: bytes, caller: str = "catalogue") -> Any:
        body = uploads.form(uploads.request(UPLOAD, {"file": content}))
        headers = uploads.headers(self.tokens[caller])
        return (await self.shop.client.post("/graphql", content=body, headers=headers)).json()

    async def uploaded(self, content: bytes) -> Any:
        return (await self.send(content))["data"]["productMediaUpload"]

    async def made(self, slug: str, **changes: Any) -> Any:
        product = await self.asked(SAVE, input=romper(slug, **changes))
        assert product["userErrors"] == [], product
        return product["product"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(settings: Settings, template: str, running: Services) -> AsyncGenerator[Desk]:
    async with copied_shop(settings, template, running) as shop:
        staff = {role: (await at_work(shop.database, await employed(shop.database, role))).token
                 for role in ("catalogue", "marketing", "support", "owner")}  # fmt: skip
        customer = await shop.session(await signed_up(shop.database))
        yield Desk(shop, {"anonymous": None, "customer": customer, **staff})


def romper(slug: str, **changes: Any) -> dict[str, Any]:
    usd = {"amount": "19.90", "currencyCode": "USD"}
    variants = [{"sku": f"{slug}-S", "size": "S", "prices": [usd]}, {"sku": f"{slug}-M", "size": "M", "prices": [usd]}]
    return {"slug": slug, "name": "Romper", "variants": variants} | changes


async def stored(database: Database) -> dict[str, int]:
    async def work(transaction: Any) -> dict[str, int]:
        tables = [table for name, table in models.metadata.tables.items() if name != "login_session"]
        return {t.name: await transaction.scalar(select(func.count()).select_from(t)) for t in tables}

    return await database.transact(work)


# ---- products


async def test_price_is_in_the_currency_asked_for_where_there_is_one_else_in_the_shops_first(desk: Desk):
    usd, eur = ({"amount": "20.00", "currencyCode": code} for code in ("USD", "EUR"))
    before = [{"amount": "25.00", "currencyCode": code} for code in ("USD", "EUR")]
    both = {"sku": "priced-1", "size": "S", "prices": [usd, eur], "compareAtPrices": before}
    await desk.made("priced", variants=[both, {"sku": "priced-2", "size": "M", "prices": [usd]}])
    query = """query ($slug: String!, $in: CurrencyCode) { product(slug: $slug) { variants {
      price(currencyCode: $in) { amount currencyCode }
      compareAtPrice(currencyCode: $in) { amount currencyCode } } } }"""
    for asked, shown in (({}, "USD"), ({"in": None}, "USD"), ({"in": "EUR"}, "EUR"), ({"in": "GBP"}, "USD")):
        found = (await desk.asked(query, "anonymous", slug="priced", **asked))["variants"]
        assert [one["price"]["currencyCode"] for one in found] == [shown, "USD"]
        assert [one["compareAtPrice"] for one in found] == [{"amount": "25.00", "currencyCode": shown}, None]


async def test_product_is_written_by_staff_and_read_by_everyone(desk: Desk):
    await desk.asked(BRAND, input={"slug": "loom", "name": "Loom"})
    await desk.asked(CATEGORY, input={"slug": "baby", "name": "Baby"})
    shelf = await desk.asked(CATEGORY, input={"slug": "rompers", "name": "Rompers", "parent": "baby"})
    assert (shelf["category"]["parent"], shelf["userErrors"]) == ({"slug": "baby"}, [])
    picture = (await desk.uploaded(photograph(6)))["media"]
    price = [{"amount": "24.50", "currencyCode": "EUR"}, {"amount": "25", "currencyCode": "USD"}]
    given = romper(
        "linen",
        description="Soft.", careInstructions="Cold.", brand="loom", categories=["rompers"], audience=["BABY"],
        customMade=True, requiredMeasurements=["CHEST"], taxCategory="CHILDRENS_CLOTHING",
        alterations=[{"kind": "HEM", "days": 4, "prices": [{"amount": "12", "currencyCode": "USD"}]}],
        media=[{"id": picture["id"], "alt": "The front"}],
    )  # fmt: skip
    given["variants"][1] |= {
        "color": "Sand", "weightGrams": 140, "prices": price,
        "compareAtPrices": [{"amount": "30.00", "currencyCode": "USD"}],
    }  # fmt: skip
    made = await desk.asked(SAVE, input=given)
    assert made["userErrors"] == []
    product = made["product"]
    one, two = product.pop("variants")
    assert product == {
        "id": product["id"], "version": 1, "slug": "linen", "name": "Romper", "description": "Soft.",
        "careInstructions": "Cold.", "archived": False, "available": False, "customMade": True,
        "taxCategory": "CHILDRENS_CLOTHING", "requiredMeasurements": ["CHEST"], "audience": ["BABY"],
        "brand": {"slug": "loom"}, "categories": [{"slug": "rompers"}],
        "alterations": [{"kind": "HEM", "days": 4, "price": {"amount": "12.00"}}],
        "media": [{"id": picture["id"], "url": picture["url"], "alt": "The front", "width": 32, "height": 64}],
        "priceRange": {"minimum": {"amount": "19.90"}, "maximum": {"amount": "25.00"}},
    }  # fmt: skip
    assert (one["sku"], one["prices"]) == ("linen-S", [{"amount": "19.90", "currencyCode": "USD"}])
    assert two == {
        "id": two["id"], "sku": "linen-M", "size": "M", "color": "Sand", "weightGrams": 140, "archived": False,
        "available": False, "compareAtPrice": {"amount": "30.00"},
        "prices": [{"amount": "24.50", "currencyCode": "EUR"}, {"amount": "25.00", "currencyCode": "USD"}],
    }  # fmt: skip
    for caller in ("anonymous", "customer", "marketing"):
        assert (await desk.asked(SHOWN, caller, slug="linen")) == {**product, "variants": [one, two]}


async def test_refusals_name_the_fields_of_the_input(desk: Desk):
    product = await desk.made("fields")
    wrong = {"id": product["id"], "expectedVersion": 1, "careInstructions": "c" * 2001, "variants": []}
    refused = await desk.asked(SAVE, input=wrong)
    assert refused["product"] is None
    assert refused["userErrors"] == [("TOO_LONG", ["careInstructions"]), ("REQUIRED", ["variants"])]
    assert (await desk.asked(SAVE, input=romper("fields")))["userErrors"] == [
        ("TAKEN", ["slug"]), ("TAKEN", ["variants", "0", "sku"]), ("TAKEN", ["variants", "1", "sku"]),
    ]  # fmt: skip
    for shown in ("", "nonsense", show_id("prd", new_id()), product["variants"][0]["id"]):
        for query in (SAVE, ARCHIVE):
            given = {"id": shown, "expectedVersion": 9}
            assert (await desk.asked(query, input=given))["userErrors"] == [("NOT_FOUND", ["id"])]
        for query in (CATEGORY, BRAND):
            given = {"id": shown, "slug": "Wrong", "name": ""}
            assert (await desk.asked(query, input=given))["userErrors"] == [("NOT_FOUND", ["id"])]
    foreign = {"id": product["id"], "variants": [{"id": "var_1", "sku": "X", "prices": []}], "media": [{"id": "x"}]}
    assert (await desk.asked(SAVE, input=foreign))["userErrors"] == [
        ("NOT_FOUND", ["media", "0", "id"]), ("NOT_FOUND", ["variants", "0", "id"]),
    ]  # fmt: skip
    version = {"id": product["id"], "expectedVersion": 2, "name": "Other"}
    assert (await desk.asked(SAVE, input=version))["userErrors"] == [("VERSION_CONFLICT", ["expectedVersion"])]


async def test_archived_goods_are_in_no_list_and_still_reached(desk: Desk):
    product = await desk.made("gone")
    kept, left = product["variants"]
    await desk.asked(ADJUST, input={"variantId": left["id"], "change": 5, "kind": "RECEIVED", "idempotencyKey": "g-1"})
    fewer = {"id": product["id"], "variants": [{"sku": kept["sku"], "prices": kept["prices"]}]}
    assert [one["sku"] for one in (await desk.asked(SAVE, input=fewer))["product"]["variants"]] == ["gone-S"]
    node = await desk.asked(LEDGER, "catalogue", id=left["id"])
    assert (node["archived"], node["available"], node["quantityAvailable"], node["stock"]["onHand"]) == (
        True,
        False,
        0,
        5,
    )
    filters = 'filter: {size: "M", search: "romper"}'
    listed = await desk.asked(f"{{ products(first: 50, {filters}) {{ edges {{ node {{ slug }} }} }} }}", "anonymous")
    assert "gone" not in [edge["node"]["slug"] for edge in listed["edges"]]

    archived = await desk.asked(ARCHIVE, input={"id": product["id"], "expectedVersion": 2})
    assert (archived["product"]["archived"], archived["product"]["version"]) == (True, 3)
    shown = await desk.asked(SHOWN, "anonymous", slug="gone")
    assert (shown["archived"], shown["available"], shown["variants"]) == (True, False, [])
    assert shown["priceRange"]["minimum"] == {"amount": "19.90"}
    listed = await desk.asked("{ products(first: 100) { totalCount edges { node { slug } } } }", "anonymous")
    assert "gone" not in [edge["node"]["slug"] for edge in listed["edges"]]
    assert listed["totalCount"] == len(listed["edges"])
    bought = "query ($id: ID!) { node(id: $id) { ... on Variant { archived product { slug archived } } } }"
    assert (await desk.asked(bought, "anonymous", id=kept["id"])) == {
        "archived": True, "product": {"slug": "gone", "archived": True},
    }  # fmt: skip
    back = await desk.asked(ARCHIVE, input={"id": product["id"], "archived": False})
    assert [one["sku"] for one in back["product"]["variants"]] == ["gone-S"]


# ---- pictures


async def test_picture_is_served_for_ever_and_without_what_came_with_it(desk: Desk):
    media = (await desk.uploaded(photograph()))["media"]
    path = "/media/" + media["url"].rpartition("/media/")[2]
    assert media["url"].startswith("http://127.0.0.1:8000/media/")
    assert (media["width"], media["height"], media["alt"]) == (64, 32, None)
    response = await desk.shop.client.get(path)
    headers = response.headers
    assert (response.status_code, headers["content-type"]) == (200, "image/jpeg")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    assert b"canary" not in response.content
    with Image.open(BytesIO(response.content)) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (64, 32), {})
    again = await desk.shop.client.get(path, headers={"if-none-match": headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["", "x", "..%2fsecret", "%2e%2e/secret", "0" * 32, "0" * 32 + ".jpg", "0" * 32 + ".html", "0" * 32 + ".jpg%0a"],
)
async def test_other_names_are_not_found(desk: Desk, path: str):
    response = await desk.shop.client.get(f"/media/{path}")
    assert response.status_code == 404
    assert response.content in {b"", b"Not Found"}


async def test_what_is_no_picture_is_refused(desk: Desk):
    for content in (SVG, b"", photograph()[:300]):
        assert (await desk.uploaded(content))["userErrors"][0]["code"] == "UNSUPPORTED_MEDIA"


async def test_picture_is_seen_by_those_who_may_use_it_until_it_is_used(desk: Desk):
    media = (await desk.uploaded(photograph()))["media"]
    taken = await desk.made("pictured", media=[{"id": media["id"]}])
    other = await desk.made("bare")
    refused = await desk.asked(SAVE, input={"id": other["id"], "media": [{"id": media["id"]}]})
    assert refused["userErrors"] == [("NOT_FOUND", ["media", "0", "id"])]
    assert taken["media"][0]["id"] == media["id"]
    row = select(ProductMedia.unused_since).where(ProductMedia.id == read_id("med", media["id"]))
    assert await desk.shop.database.transact(lambda t: t.scalar(row)) is None


# ---- stock


async def test_stock_is_corrected_once_with_a_key_and_its_ledger_is_paged(desk: Desk):
    variant = (await desk.made("shelf"))["variants"][0]
    given = {"variantId": variant["id"], "change": 4, "kind": "RECEIVED", "note": "First", "idempotencyKey": "s-1"}
    first = await desk.asked(ADJUST, input=given)
    assert first["variant"] == {
        "id": variant["id"], "available": True, "quantityAvailable": 4, "stock": {"onHand": 4, "sold": 0},
    }  # fmt: skip
    entry = first["entry"]
    assert (entry["change"], entry["balance"], entry["kind"], entry["note"]) == (4, 4, "RECEIVED", "First")
    assert await desk.asked(ADJUST, input=given) == first
    other = await desk.asked(ADJUST, input=given | {"change": 5})
    assert other["userErrors"] == [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]
    wrong = {"change": -5, "kind": "LOST", "idempotencyKey": "s-2", "note": None}
    assert (await desk.asked(ADJUST, input=given | wrong))["userErrors"] == [("OUT_OF_STOCK", ["change"])]
    stale = {"expectedOnHand": 3, "idempotencyKey": "s-2"}
    assert (await desk.asked(ADJUST, input=given | stale))["userErrors"] == [("VERSION_CONFLICT", ["expectedOnHand"])]
    for kind in ("SALE", "CANCELLATION", "RETURN"):
        refused = await desk.asked(ADJUST, input=given | {"kind": kind, "idempotencyKey": "s-2"})
        assert (refused["variant"], refused["userErrors"]) == (None, [("INVALID", ["kind"])])
    unknown = await desk.asked(ADJUST, input=given | {"variantId": "var_1", "kind": "SALE", "idempotencyKey": "s-2"})
    assert unknown["userErrors"] == [("NOT_FOUND", ["variantId"])]
    await desk.asked(ADJUST, input=given | {"change": -1, "kind": "DAMAGED", "idempotencyKey": "s-3"})
    await desk.asked(
        ADJUST, input=given | {"change": 7, "kind": "COUNTED", "idempotencyKey": "s-4", "expectedOnHand": 3}
    )
    page = (await desk.asked(LEDGER, id=variant["id"]))["stock"]["ledger"]
    changes = [edge["node"]["change"] for edge in page["edges"]]
    rest = await desk.asked(LEDGER, id=variant["id"], after=page["pageInfo"]["endCursor"])
    changes += [edge["node"]["change"] for edge in rest["stock"]["ledger"]["edges"]]
    assert (changes, rest["stock"]["onHand"]) == ([7, -1, 4], 10)


async def test_sold_is_what_is_ordered_and_not_yet_shipped(desk: Desk):
    variant = (await desk.made("sold"))["variants"][0]
    key = read_id("var", variant["id"])
    assert key is not None

    async def sell(transaction: Any) -> None:
        for status, shipped, cancelled in (
            (OrderStatus.PENDING_PAYMENT, 0, 0),
            (OrderStatus.PARTIALLY_FULFILLED, 2, 1),
            (OrderStatus.DELIVERED, 0, 0),
            (OrderStatus.CANCELLED, 0, 0),
        ):
            order_id = await order(transaction, status=status)
            line = {"position": 0, "sku": "S", "product_name": "R", "quantity": 5, "unit_price": 1, "total": 5}
            counts = {"fulfilled_quantity": shipped, "cancelled_quantity": cancelled, "currency": "USD"}
            values = {"id": new_id(), "order_id": order_id, "variant_id": key, **line, **counts}
            await transaction.execute(insert(OrderLine).values(values))
        number = {"id": new_id(), "variant_id": key, "change": -5, "balance": 0, "kind": "SALE", "order_id": order_id}
        await transaction.execute(insert(StockEntry).values(number))

    await desk.shop.database.transact(sell)
    stock = (await desk.asked(LEDGER, id=variant["id"]))["stock"]
    assert stock["sold"] == 7
    assert stock["ledger"]["edges"][0]["node"]["orderNumber"] is not None


async def test_stock_is_for_staff_who_may_read_it(desk: Desk):
    variant = (await desk.made("hidden"))["variants"][0]
    query = "query ($id: ID!) { node(id: $id) { id ... on Variant { stock { onHand } } } }"
    for caller, code in (("anonymous", "UNAUTHENTICATED"), ("customer", "FORBIDDEN"), ("marketing", "FORBIDDEN")):
        answer = await desk.shop.ask(query, desk.tokens[caller], id=variant["id"])
        assert answer["data"]["node"] == {"id": variant["id"], "stock": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


# ---- who may


CALLS = {
    SAVE: {"slug": "not-mine", "name": "x", "variants": []},
    ARCHIVE: {"id": "prd_1"},
    CATEGORY: {"slug": "not-mine", "name": "x"},
    BRAND: {"slug": "not-mine", "name": "x"},
    ADJUST: {"variantId": "var_1", "change": 1, "kind": "RECEIVED", "idempotencyKey": "k"},
}


@pytest.mark.parametrize("caller", ["anonymous", "customer", "support"])
async def test_others_write_nothing(desk: Desk, caller: str):
    code = "UNAUTHENTICATED" if caller == "anonymous" else "FORBIDDEN"
    before = await stored(desk.shop.database)
    for query, given in CALLS.items():
        answer = await desk.shop.ask(query, desk.tokens[caller], input=given)
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code], query
    answer = await desk.send(photograph(), caller)
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert await stored(desk.shop.database) == before


async def test_stock_and_catalogue_are_permissions_of_their_own(desk: Desk):
    variant = (await desk.made("apart"))["variants"][0]
    given = {"variantId": variant["id"], "change": 1, "kind": "RECEIVED", "idempotencyKey": "apart"}
    answer = await desk.shop.ask(ADJUST, desk.tokens["marketing"], input=given)
    assert [error["extensions"]["reason"] for error in answer["errors"]] == ["PERMISSION"]
    assert (await desk.asked(BRAND, "marketing", input={"slug": "by-marketing", "name": "M"}))["userErrors"] == []
