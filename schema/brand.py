"""Brands, as staff write them."""

import strawberry

from auth.permissions import ANYONE
from reads.declare import referenced, value
from schema.catalogue import EDITORS, Brand
from schema.errors import UserError

PREFIX = "brd"


@strawberry.input(description="Without `id` it is a new brand.")
class BrandSaveInput:
    id: strawberry.ID | None = strawberry.UNSET
    slug: str
    name: str


@value(readers=EDITORS)
class BrandSavePayload:
    brand: Brand | None = referenced(readers=ANYONE)
    user_errors: list[UserError]
