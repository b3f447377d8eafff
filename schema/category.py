"""Categories, as staff write them."""

import strawberry

from auth.permissions import ANYONE
from reads.declare import referenced, value
from schema.catalogue import EDITORS, Category
from schema.errors import UserError

PREFIX = "cat"


@strawberry.input(
    description="Without `id` it is a new category, the last on its shelf. `parent` is a slug; null puts it at the top."
)
class CategorySaveInput:
    id: strawberry.ID | None = strawberry.UNSET
    slug: str
    name: str
    parent: str | None = strawberry.UNSET


@value(readers=EDITORS)
class CategorySavePayload:
    category: Category | None = referenced(readers=ANYONE)
    user_errors: list[UserError]
