import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from jinja2.meta import find_undeclared_variables

from commerce.letters import PAGES, TEMPLATES, Letter, _letters, render

SHOP = {"shop": "Läyette & Co", "public_url": "https://shop.example/"}
TOKEN = "lay_mt_0123456789abcdefghijABCDEFGHIJ"
MOMENT = datetime(2026, 11, 5, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
NUMBER = {"number": "LL-7K3M-Q9ZD"}
RETURNED = {"rma", "exchange"}
RMA = {"rma": "R-7K3M-Q9ZE"}
AMOUNT = {"amount": 123456, "currency": "EUR"}

SUMS = {"total": 13120, "discount_total": 500, "shipping_total": 700, "tax_total": 920, "currency": "USD"}
BOUGHT = [("Linen dress, M, sand", 2, 9000), ("Romper, 3T", 1, 3000)]
ITEMS = [("Linen dress, M, sand", 2), ("Romper, 3T", 1)]
TRACKED = {"carrier": "DHL", "tracking_number": "JD0146", "tracking_url": "https://carrier.example/track?id=JD0146"}

# Each letter's values, and the page its token leads to.
LETTERS: dict[str, tuple[dict[str, Any], str | None]] = {
    "verify_registration": ({"token": TOKEN, "lifetime": timedelta(hours=24)}, "verify"),
    "already_registered": ({}, None),
    "guardian_consent_request": ({"token": TOKEN, "lifetime": timedelta(days=7)}, "guardian_consent"),
    "password_reset": ({"token": TOKEN, "lifetime": timedelta(minutes=30), "of_staff": False}, "password_reset"),
    "password_changed": ({"at": MOMENT}, None),
    "account_disabled": ({"at": MOMENT}, None),
    "email_change_confirm": ({"token": TOKEN, "lifetime": timedelta(hours=24)}, "email_change"),
    "email_change_notice": ({"token": TOKEN, "lifetime": timedelta(days=7)}, "email_change_undo"),
    "email_in_use": ({}, None),
    "staff_invitation": ({"token": TOKEN, "lifetime": timedelta(days=7)}, "staff_invitation"),
    "new_device_sign_in": ({"device": "Firefox on Linux", "network": "203.0.113.0/24", "at": MOMENT}, None),
    "second_factor_added": ({"at": MOMENT, "passkey": True}, None),
    "second_factor_removed": ({"at": MOMENT}, None),
    "recovery_code_used": ({"at": MOMENT, "left": 9}, None),
    "recovery_codes_renewed": ({"at": MOMENT}, None),
    "order_confirmation": ({**NUMBER, **SUMS, "items": BOUGHT, "prices_include_tax": False}, None),
    "order_payment_failed": ({**NUMBER, "total": 13120, "currency": "USD"}, None),
    "order_cancelled": (NUMBER, None),
    "refund": ({**NUMBER, **AMOUNT}, None),
    "refund_failed": ({**NUMBER, **AMOUNT}, None),
    "return_approved": ({**NUMBER, **RMA, "message": "Mind the box."}, None),
    "return_declined": ({**NUMBER, **RMA, "message": "It was worn."}, None),
    "return_received": ({**NUMBER, **RMA, "exchange": "LL-9ZZZ-0000"}, None),
    "alterations_ready": ({**NUMBER, "pickup": False, "items": ITEMS}, None),
    "order_shipped": ({**NUMBER, **TRACKED, "pickup": False, "items": ITEMS, "more": True}, None),
}
WITH_TOKEN = {name: page for name, (_, page) in LETTERS.items() if page is not None}


def written(name: str, **changes: Any) -> Letter:
    return render(name, **SHOP, **(LETTERS[name][0] | changes))


class Seen(HTMLParser):
    """What a mail program would show, follow and fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_every_template_is_tested_here():
    layouts = {"layout.html", "layout.txt", "parts.html"}
    files = {path.name for path in TEMPLATES.iterdir()} - layouts
    assert files == {f"{name}.{ending}" for name in LETTERS for ending in ("txt", "html")}


@pytest.mark.parametrize("name", LETTERS)
def test_letter_has_a_subject_and_is_signed(name: str):
    letter = written(name)
    assert 10 < len(letter.subject) < 80
    assert "\n" not in letter.subject
    assert "Läyette & Co" in letter.text
    assert "Läyette & Co" in Seen(letter.html).text
    assert letter.subject in Seen(letter.html).text


@pytest.mark.parametrize(("name", "page"), WITH_TOKEN.items())
def test_token_is_in_the_fragment_of_a_link_and_by_itself(name: str, page: str):
    letter = written(name)
    link = f"https://shop.example{PAGES[page]}#token={TOKEN}"
    assert link in letter.text.splitlines()
    assert TOKEN in letter.text.splitlines()
    assert Seen(letter.html).links == [link]
    assert TOKEN in Seen(letter.html).text


@pytest.mark.parametrize("name", LETTERS)
def test_nothing_is_fetched_when_a_letter_is_opened(name: str):
    letter = written(name)
    seen = Seen(letter.html)
    assert seen.tags <= {"html", "head", "meta", "title", "body", "div", "p", "br", "a", "code"}
    assert seen.attributes <= {"lang", "charset", "name", "content", "style", "href"}
    assert not re.search(r"url\(|@import|src=", letter.html)


@pytest.mark.parametrize("name", LETTERS)
def test_links_lead_to_the_shop_and_carry_no_query(name: str):
    letter = written(name)
    links = Seen(letter.html).links + re.findall(r"https?://\S+", letter.text)
    for link in [link for link in links if link != TRACKED["tracking_url"]]:
        assert link.startswith("https://shop.example/")
        assert "?" not in link
        assert "//" not in link.removeprefix("https://")


@pytest.mark.parametrize("name", LETTERS)
def test_letter_without_one_of_its_values_is_not_written(name: str):
    for missing in LETTERS[name][0]:
        values = {key: value for key, value in LETTERS[name][0].items() if key != missing}
        with pytest.raises(UndefinedError, match=missing):
            render(name, **SHOP, **values)


def test_letter_that_does_not_exist_is_not_written():
    with pytest.raises(TemplateNotFound):
        render("love_letter", **SHOP)


def test_markup_in_a_value_is_shown_as_text():
    letter = written("new_device_sign_in", device="<script>alert(1)</script>")
    assert "script" not in Seen(letter.html).tags
    assert "<script>alert(1)</script>" in Seen(letter.html).text
    assert "<script>alert(1)</script>" in letter.text


def test_value_cannot_pose_as_the_letters_own_words():
    letter = written("new_device_sign_in", device="Firefox\n\nYou won!\u2028Open\x1b[31m http://evil.example\r\n.")
    assert "  Firefox You won! Open [31m http://evil.example .\n" in letter.text


def test_shops_name_cannot_add_a_line_to_the_subject():
    letter = render("password_changed", shop="Shop\r\nBcc: x@example.com", public_url="https://x.example", at=MOMENT)
    assert letter.subject == "Your password for Shop Bcc: x@example.com was changed"


def test_times_are_utc_and_spelled_out():
    assert "on 6 November 2026, 01:30 UTC" in written("password_changed").text
    assert "6 November 2026, 01:30 UTC" in Seen(written("password_changed").html).text


@pytest.mark.parametrize(
    ("lifetime", "words"),
    [
        (timedelta(days=7), "7 days"),
        (timedelta(days=1), "24 hours"),
        (timedelta(hours=1), "60 minutes"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(minutes=1), "one minute"),
    ],
)
def test_lifetime_is_told_in_words(lifetime: timedelta, words: str):
    assert f"good for {words}" in written("password_reset", lifetime=lifetime).text


def test_amounts_are_told_with_their_currency():
    assert "We have refunded 1,234.56 EUR of your order LL-7K3M-Q9ZD" in written("refund").text


def test_shipment_is_told_with_what_is_in_it_and_where_it_is():
    letter = written("order_shipped")
    assert letter.subject == "Part of your order LL-7K3M-Q9ZD is on its way"
    assert "  2 x Linen dress, M, sand\n  1 x Romper, 3T\n" in letter.text
    assert "2 × Linen dress, M, sand 1 × Romper, 3T" in Seen(letter.html).text
    for text in (letter.text, Seen(letter.html).text):
        assert "Carrier: DHL" in text
        assert "Tracking number: JD0146" in text
        assert "The rest follows" in text
    assert TRACKED["tracking_url"] in letter.text.splitlines()
    assert Seen(letter.html).links == [TRACKED["tracking_url"]]


def test_confirmation_tells_what_was_ordered_and_what_it_costs():
    letter = written("order_confirmation")
    assert letter.subject == "Your order LL-7K3M-Q9ZD"
    assert "  2 x Linen dress, M, sand: 90.00 USD\n" in letter.text
    for words in ("Discount: -5.00 USD", "Shipping: 7.00 USD", "Tax: 9.20 USD", "Total: 131.20 USD"):
        assert f"{words}\n" in letter.text
    assert "2 × Linen dress, M, sand: 90.00 USD" in Seen(letter.html).text
    assert "Total: 131.20 USD" in Seen(letter.html).text


def test_confirmation_says_nothing_of_what_there_is_not():
    letter = written("order_confirmation", discount_total=0, tax_total=0)
    assert not any(word in letter.text + letter.html for word in ("Discount", "Tax", "None"))


def test_confirmation_says_where_tax_is_in_the_price():
    assert "Tax, included: 9.20 USD" in written("order_confirmation", prices_include_tax=True).text


def test_shipment_without_a_carrier_tells_of_none():
    letter = written("order_shipped", carrier=None, tracking_number=None, tracking_url=None, more=False)
    assert letter.subject == "Your order LL-7K3M-Q9ZD is on its way"
    assert Seen(letter.html).links == []
    assert not any(word in letter.text + letter.html for word in ("None", "arrier", "racking", "rest"))


def test_order_that_is_collected_is_not_on_its_way():
    letter = written("order_shipped", pickup=True)
    assert letter.subject == "Your order LL-7K3M-Q9ZD can be collected"
    assert "waits for you in our store" in letter.text
    assert "waits for you in our store" in Seen(letter.html).text
    assert "when it can be collected" in written("alterations_ready", pickup=True).text


def test_name_of_goods_cannot_pose_as_the_letters_own_words():
    letter = written("alterations_ready", items=[("Dress\n\nYou won!", 1)])
    assert "  1 x Dress You won!\n" in letter.text


def test_what_staff_say_of_a_return_is_told_if_they_say_something():
    assert "\nIt was worn.\n" in written("return_declined").text
    assert "None" not in written("return_declined", message=None).text + written("return_declined", message=None).html


def test_order_in_exchange_is_told():
    assert "on its way as order LL-9ZZZ-0000" in written("return_received").text
    assert "when it is refunded" in written("return_received", exchange=None).text


def test_network_may_be_unknown():
    letter = written("new_device_sign_in", network=None)
    assert "network" not in letter.text
    assert "None" not in letter.text + letter.html


@pytest.mark.parametrize(
    ("left", "words"), [(9, "9 codes are left."), (1, "1 code is left."), (0, "None are left: make new ones")]
)
def test_recovery_codes_that_are_left_are_counted(left: int, words: str):
    letter = written("recovery_code_used", left=left)
    assert words in letter.text
    assert words in Seen(letter.html).text


def test_kind_of_a_new_second_factor_is_told():
    assert written("second_factor_added").text.startswith("A passkey was added")
    assert written("second_factor_added", passkey=False).text.startswith("An authenticator app was added")


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_no_letter_has_room_for_what_a_stranger_typed(path: Path):
    asked = find_undeclared_variables(_letters.parse(path.read_text()))
    macros = {"button", "code"}
    ours = {"shop", "subject", "link", "token", "lifetime", "at", "device", "network", "passkey", "left", "of_staff"}
    by_staff = {"message"}
    assert asked - macros <= ours | by_staff | {"number", "amount", "currency", "rma", "exchange"} | {
        "items",
        "pickup",
        "more",
        "prices_include_tax",
        *SUMS,
        *TRACKED,
    }


def test_letter_becomes_a_message_of_its_own():
    letter = written("password_changed", at=datetime.now(UTC))
    one, two = letter.addressed_to("jane@example.com"), letter.addressed_to("jane@example.com")
    assert (one.to, one.subject, one.text, one.html) == ("jane@example.com", letter.subject, letter.text, letter.html)
    assert one.message_id != two.message_id
