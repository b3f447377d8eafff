"""Address books, as their owners read and edit them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from auth.permissions import ANYONE, OWNER, staff
from models import address as tables
from models.address import AddressKind
from reads.declare import entity, referenced, to, value
from schema.common import Node
from schema.errors import UserError

if TYPE_CHECKING:
    from schema.account import Customer

PREFIX = "adr"
READERS = OWNER + staff("customer:read")

strawberry.enum(AddressKind, description="What an address is for. MAILING has no default.")


@entity(
    tables.Address,
    prefix=PREFIX,
    readers=READERS,
    visible=(to(OWNER, lambda viewer, address: address.account_id == viewer.account_id), to(staff("customer:read"))),
)
class Address(Node):
    """An address as its country's post writes it."""

    id: strawberry.ID
    version: int
    label: str | None
    recipient_name: str | None
    company: str | None
    line1: str | None
    line2: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country_code: str | None
    phone: str | None
    kinds: list[AddressKind] | None


@value(readers=ANYONE)
class AddressRegion:
    """A state, province or the like: `code` is what addresses keep, `name` is for people who read English."""

    code: str
    name: str


@value(
    readers=ANYONE,
    description="What to ask for in a country. A field that `order` leaves out is no part of its addresses. "
    "`required` and `order` name fields of AddressCreateInput; `postalCodePattern` is a regular expression for a whole "
    "code as it is kept, while codes are taken without their spaces and dashes too, and in either case.",
)
class AddressFormat:
    country_code: str
    required: list[str]
    order: list[str]
    regions: list[AddressRegion]
    postal_code_pattern: str | None
    postal_code_example: str | None


@strawberry.input(
    description="`countryCode` is ISO 3166-1 alpha-2. `region` is a code or a name, `phone` a number of that country, "
    "or of any with its plus. What the country writes otherwise is put so: see AddressFormat."
)
class AddressCreateInput:
    label: str | None = strawberry.UNSET
    recipient_name: str
    company: str | None = strawberry.UNSET
    line1: str
    line2: str | None = strawberry.UNSET
    city: str
    region: str | None = strawberry.UNSET
    postal_code: str | None = strawberry.UNSET
    country_code: str
    phone: str | None = strawberry.UNSET
    kinds: list[AddressKind] | None = strawberry.UNSET


@strawberry.input(description="A field that is left out stays as it is; one that is null is cleared.")
class AddressUpdateInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.UNSET
    label: str | None = strawberry.UNSET
    recipient_name: str | None = strawberry.UNSET
    company: str | None = strawberry.UNSET
    line1: str | None = strawberry.UNSET
    line2: str | None = strawberry.UNSET
    city: str | None = strawberry.UNSET
    region: str | None = strawberry.UNSET
    postal_code: str | None = strawberry.UNSET
    country_code: str | None = strawberry.UNSET
    phone: str | None = strawberry.UNSET
    kinds: list[AddressKind] | None = strawberry.UNSET


@strawberry.input
class AddressDeleteInput:
    id: strawberry.ID


@strawberry.input
class AddressSetDefaultInput:
    id: strawberry.ID
    kind: AddressKind


@value(readers=OWNER)
class AddressCreatePayload:
    address: Address | None = referenced()
    user_errors: list[UserError]


@value(readers=OWNER)
class AddressUpdatePayload:
    address: Address | None = referenced()
    user_errors: list[UserError]


@value(readers=OWNER)
class AddressDeletePayload:
    deleted_id: strawberry.ID | None
    user_errors: list[UserError]


@value(readers=OWNER)
class AddressSetDefaultPayload:
    customer: Annotated["Customer", strawberry.lazy("schema.account")] | None = referenced()
    user_errors: list[UserError]
