"""Brands: mutations of staff."""

import strawberry

from commerce import brand as brands
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.brand import PREFIX, BrandSaveInput, BrandSavePayload
from schema.catalogue import EDITORS
from schema.errors import user_errors


@value(readers=EDITORS)
class BrandMutation:
    @strawberry.mutation(description="Makes or renames a brand.")
    async def brand_save(self, info: Info, input: BrandSaveInput) -> BrandSavePayload:
        shown = given(input).get("id")
        key = None if shown is None else read_id(PREFIX, shown)
        if shown is not None and key is None:
            return BrandSavePayload(brand=None, user_errors=user_errors(brands.NOT_FOUND))
        outcome = await info.context.database.transact(lambda t: brands.save(t, key, input.slug, input.name))
        if isinstance(outcome, list):
            return BrandSavePayload(brand=None, user_errors=user_errors(outcome))
        return BrandSavePayload(brand=refer(outcome), user_errors=[])
