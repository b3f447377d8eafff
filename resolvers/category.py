"""Categories: mutations of staff."""

import strawberry

from commerce import category as categories
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.catalogue import EDITORS
from schema.category import PREFIX, CategorySaveInput, CategorySavePayload
from schema.errors import user_errors


@value(readers=EDITORS)
class CategoryMutation:
    @strawberry.mutation(description="Makes, renames or moves a category.")
    async def category_save(self, info: Info, input: CategorySaveInput) -> CategorySavePayload:
        changes = given(input)
        shown = changes.pop("id", None)
        key = None if shown is None else read_id(PREFIX, shown)
        if shown is not None and key is None:
            return CategorySavePayload(category=None, user_errors=user_errors(categories.NOT_FOUND))
        outcome = await info.context.database.transact(lambda t: categories.save(t, key, changes))
        if isinstance(outcome, list):
            return CategorySavePayload(category=None, user_errors=user_errors(outcome))
        return CategorySavePayload(category=refer(outcome), user_errors=[])
