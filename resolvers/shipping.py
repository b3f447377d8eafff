"""Shipping methods: the query, and how staff set them."""

import strawberry

from auth.permissions import ANYONE
from commerce import shipping_saving
from commerce.shipping_saving import MethodDraft
from models.ids import read_id
from reads.declare import many, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.errors import user_errors
from schema.money import amounts_of
from schema.shipping import EDITORS, PREFIX, ShippingMethod, ShippingMethodSaveInput, ShippingMethodSavePayload

LIMITS = {"min_days", "max_days", "max_weight_grams"}


@value(readers=ANYONE)
class ShippingQuery:
    shipping_methods: list[ShippingMethod] = many(order=lambda method: (method.pickup, method.code))


@value(readers=EDITORS)
class ShippingMutation:
    @strawberry.mutation(description="Makes a way of shipping, or sets one anew, as a whole.")
    async def shipping_method_save(self, info: Info, input: ShippingMethodSaveInput) -> ShippingMethodSavePayload:
        shown, version = given(input).get("id"), given(input).get("expected_version")
        key = read_id(PREFIX, shown) if shown is not None else None
        if shown is not None and key is None:
            return ShippingMethodSavePayload(shipping_method=None, user_errors=user_errors(shipping_saving.NOT_FOUND))
        draft = _draft(input)
        outcome = await info.context.database.transact(
            lambda transaction: shipping_saving.save(transaction, draft, key, expected_version=version)
        )
        if isinstance(outcome, list):
            return ShippingMethodSavePayload(shipping_method=None, user_errors=user_errors(outcome))
        return ShippingMethodSavePayload(shipping_method=refer(outcome), user_errors=[])


def _draft(input: ShippingMethodSaveInput) -> MethodDraft:
    return MethodDraft(
        input.code,
        input.name,
        input.countries,
        amounts_of(input.prices),
        amounts_of(input.free_from or []),
        pickup=bool(input.pickup),
        active=input.active is not False,
        **{name: number for name, number in given(input).items() if name in LIMITS},
    )
