"""The letters the shop writes: rendered from templates, as text and as HTML.

No letter repeats a text of somebody who is not signed in: whoever registers a stranger's address must not be able to
write to that stranger. Nothing in a letter is fetched when it is opened, and no link tells who followed it (P32).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from gateways.mail import MailMessage

TEMPLATES = Path(__file__).parent / "templates"

# The pages a web shop offers for the links in letters. Each reads its token from the fragment, which no server sees.
PAGES: Mapping[str, str] = {
    "sign_in": "/sign-in",
    "verify": "/verify",
    "guardian_consent": "/guardian-consent",
    "password_reset": "/password-reset",
    "email_change": "/email-change",
    "email_change_undo": "/email-change/undo",
    "staff_invitation": "/staff-invitation",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What is written; to whom, is said by `addressed_to`."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)

    def addressed_to(self, address: str) -> MailMessage:
        """The letter as a message, with a Message-ID of its own. Raises ValueError for what is no address."""
        return MailMessage(address, self.subject, self.text, self.html)


def render(name: str, *, shop: str, public_url: str, **values: Any) -> Letter:
    """The letter of this name; `shop` signs it and its links begin with `public_url`.

    | letter | values |
    | --- | --- |
    | verify_registration | token, lifetime |
    | already_registered | |
    | guardian_consent_request | token, lifetime |
    | password_reset | token, lifetime, of_staff |
    | password_changed | at |
    | account_disabled | at |
    | email_change_confirm | token, lifetime |
    | email_change_notice | token, lifetime |
    | email_in_use | |
    | new_device_sign_in | device, network, at |
    | second_factor_added | at, passkey |
    | second_factor_removed | at |
    | recovery_code_used | at, left |
    | recovery_codes_renewed | at |
    | staff_invitation | token, lifetime |
    | order_confirmation | number, items, currency, total, prices_include_tax, and the other totals of an order |
    | order_payment_failed | number, total, currency |
    | order_cancelled | number |
    | refund, refund_failed | number, amount, currency |
    | return_approved, return_declined | rma, number, message |
    | return_received | rma, number, exchange |
    | alterations_ready | number, pickup, items |
    | order_shipped | number, pickup, items, carrier, tracking_number, tracking_url, more |

    `lifetime` is the timedelta a token is good for, `at` an aware datetime, `network` coarse (P14) or None, `of_staff`
    whether a staff account is meant, `number` an order's, `amount` minor units of `currency`, `items` (name, quantity)
    each, and of a confirmation the amount, `pickup` whether it is collected in the store, `more` whether more is to
    come. Raises jinja2.UndefinedError where a value is missing.
    """
    shown = {key: _one_line(value) for key, value in values.items()}
    shown |= {"shop": _one_line(shop), "link": partial(_link, public_url)}
    text = _letters.get_template(f"{name}.txt")
    subject = "".join(text.blocks["subject"](text.new_context(shown))).strip()
    html = _letters.get_template(f"{name}.html")
    return Letter(subject, text.render(shown), html.render(shown, subject=subject))


def _link(public_url: str, page: str, token: str | None = None) -> str:
    address = f"{public_url.rstrip('/')}{PAGES[page]}"
    return address if token is None else f"{address}#token={quote(str(token), safe='')}"


def _one_line(value: Any) -> Any:
    """Text as one line of printable characters: a line break would let a value pose as the letter's own words."""
    if isinstance(value, list | tuple):
        return [_one_line(one) for one in value]
    if not isinstance(value, str):
        return value
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def _moment(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _span(lifetime: timedelta) -> str:
    minutes = round(lifetime.total_seconds() / 60)
    for unit, size in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes % size == 0 and minutes > size:
            return f"{minutes // size} {unit}s"
    return "one minute"


def _money(minor: int, currency: str) -> str:
    return f"{minor // 100:,}.{minor % 100:02} {currency}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {"moment": _moment, "span": _span, "money": _money}
    return environment


_letters = _environment()
