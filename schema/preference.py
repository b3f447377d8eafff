"""What a customer says about taste and about being written to."""

import strawberry
from sqlalchemy import select

from auth.permissions import OWNER, staff
from models import preference as tables
from reads.declare import Columns, entity, many, referenced, to, value
from schema.catalogue import Brand
from schema.errors import UserError

READERS = OWNER + staff("customer:read")
VISIBLE = (to(OWNER, lambda viewer, choice: choice.account_id == viewer.account_id), to(staff("customer:read")))

BRANDS = tables.BrandPreference.__table__


def account_of(row: Columns) -> Columns:
    """The key of what an account has one of."""
    return row.account_id


@entity(tables.SizePreference, readers=READERS)
class SizePreference:
    """The size that somebody buys of a garment, in their own words."""

    garment: str
    size: str


@entity(tables.Preference, name="Preferences", readers=READERS, visible=VISIBLE, key=account_of)
class Preferences:
    """Sizes, brands and interests, all of them optional, and whether they may be used for suggestions."""

    version: int
    sizes: list[SizePreference] | None = many(
        lambda taste, size: size.account_id == taste.account_id, order=lambda size: (size.garment,)
    )
    brands: list[Brand] | None = many(
        lambda taste, brand: (
            select(BRANDS.c.brand_id)
            .where(BRANDS.c.account_id == taste.account_id, BRANDS.c.brand_id == brand.id)
            .correlate_except(BRANDS)
            .exists()
        ),
        order=lambda brand: (brand.slug,),
    )
    interests: list[str] | None
    personalization: bool | None


@entity(
    tables.CommunicationPreference,
    name="CommunicationPreferences",
    readers=READERS,
    visible=VISIBLE,
    key=account_of,
)
class CommunicationPreferences:
    """By which ways marketing may come. Messages about orders and safety are not a matter of choice."""

    version: int
    email: bool | None
    sms: bool | None
    phone: bool | None
    post: bool | None


@strawberry.input
class SizePreferenceInput:
    garment: str
    size: str


@strawberry.input(
    description="What is left out stays as it is; a list that is null is emptied. `sizes`, `brandIds` and `interests` "
    "are all of them, at most 50 each."
)
class PreferencesUpdateInput:
    expected_version: int | None = strawberry.UNSET
    sizes: list[SizePreferenceInput] | None = strawberry.UNSET
    brand_ids: list[strawberry.ID] | None = strawberry.UNSET
    interests: list[str] | None = strawberry.UNSET
    personalization: bool | None = strawberry.UNSET


@value(readers=OWNER)
class PreferencesUpdatePayload:
    preferences: Preferences | None = referenced()
    user_errors: list[UserError]


@strawberry.input(description="What is left out stays as it is; null is no.")
class CommunicationPreferencesUpdateInput:
    expected_version: int | None = strawberry.UNSET
    email: bool | None = strawberry.UNSET
    sms: bool | None = strawberry.UNSET
    phone: bool | None = strawberry.UNSET
    post: bool | None = strawberry.UNSET


@value(readers=OWNER)
class CommunicationPreferencesUpdatePayload:
    communication_preferences: CommunicationPreferences | None = referenced()
    user_errors: list[UserError]
