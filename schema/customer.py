"""Customers as staff find them, and what staff decide about their accounts."""

import strawberry
from sqlalchemy import ColumnElement, Text, Uuid, func, literal_column

from auth.permissions import ANYONE, staff
from auth.refusal import Refusal
from commerce import email, phone
from reads.cursors import wrong
from reads.declare import Argument, Columns, Key, referenced, value
from schema.account import Customer
from schema.common import PageInfo
from schema.errors import UserError

PREFIX = "cus"
LONGEST_SEARCH = 200
FEWEST_DIGITS = 4
"""Of a phone number that is searched for by a part of it."""

WRITERS = staff("customer:write")


@value(readers=ANYONE)
class CustomerEdge:
    cursor: str
    node: Customer


@value(readers=ANYONE)
class CustomerConnection:
    """Customers, newest first. They are not counted."""

    edges: list[CustomerEdge]
    page_info: PageInfo


NEWEST_FIRST = (Key(lambda account, given: account.id, Uuid(), descending=True),)
"""Keys grow with time, and the time itself is personal."""


def matches(account: Columns, search: ColumnElement[str]) -> ColumnElement[bool]:
    """Name or email have the text in them, whatever its case; or the phone number its digits, if it looks like one."""
    digits = func.regexp_replace(search, literal_column("'[^0-9]'"), literal_column("''"), literal_column("'g'"))
    dialled = search.op("~", is_comparison=True)(literal_column("'^[-+0-9 ().]+$'"))
    return (
        _holds(func.lower(account.name), func.lower(search))
        | _holds(func.lower(account.email), func.lower(search))
        | (dialled & (func.length(digits) >= literal_column(str(FEWEST_DIGITS))) & _holds(account.phone, digits))
    )


def _holds(text: ColumnElement[str], part: ColumnElement[str]) -> ColumnElement[bool]:
    return func.strpos(text, part) > literal_column("0")


def search_text(typed: str) -> str:
    text = typed.strip()
    if not 0 < len(text) <= LONGEST_SEARCH:
        raise wrong(f"A search has 1 to {LONGEST_SEARCH} characters.")
    return text


SEARCH = Argument(str | None, Text(), where=matches, convert=search_text)


def is_reached_at(account: Columns, contact: ColumnElement[str]) -> ColumnElement[bool]:
    """The contact is the account's whole email address or phone number."""
    return (func.lower(account.email) == func.lower(contact)) | (account.phone == contact)


def contact_text(typed: str) -> str:
    """An address or a number in regular form; one that is neither is nobody's."""
    found = email.normalise(typed) if "@" in typed else phone.normalise(typed)
    return "" if isinstance(found, Refusal) else found


CONTACT = Argument(str, Text(), where=is_reached_at, convert=contact_text, default=strawberry.UNSET)


@strawberry.input(description="The reason is kept for those who answer for it; the customer does not see it.")
class CustomerDisableInput:
    id: strawberry.ID
    reason: str


@strawberry.input(description="The reason is kept for those who answer for it; the customer does not see it.")
class CustomerEnableInput:
    id: strawberry.ID
    reason: str


@value(readers=WRITERS)
class CustomerDisablePayload:
    customer: Customer | None = referenced()
    user_errors: list[UserError]


@value(readers=WRITERS)
class CustomerEnablePayload:
    customer: Customer | None = referenced()
    user_errors: list[UserError]
