"""Discount codes: how staff find, make and change them."""

from typing import Any
from uuid import UUID

import strawberry

from auth.refusal import Refusal
from commerce import discount as discounts
from commerce.discount import DiscountDraft
from models.ids import read_id
from reads.declare import page, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.discount import (
    NEWEST,
    PREFIX,
    READERS,
    SEARCH,
    WRITERS,
    DiscountConnection,
    DiscountSaveInput,
    DiscountSavePayload,
)
from schema.errors import user_errors
from schema.money import amounts_of


@value(readers=READERS)
class DiscountQuery:
    discounts: DiscountConnection = page(
        sorts=NEWEST,
        arguments={"search": SEARCH},
        description="Discount codes, newest first, or those with this in them.",
    )


@value(readers=WRITERS)
class DiscountMutation:
    @strawberry.mutation(description="Makes a discount code, or changes one.")
    async def discount_save(self, info: Info, input: DiscountSaveInput) -> DiscountSavePayload:
        terms = _terms(input)
        shown, version = terms.pop("id", None), terms.pop("expected_version", None)
        key = None if shown is None else read_id(PREFIX, shown)
        outcome: UUID | list[Refusal] = [discounts.NOT_FOUND]
        if shown is None:
            outcome = await info.context.database.transact(lambda t: discounts.create(t, DiscountDraft(**terms)))
        elif key is not None:
            outcome = await info.context.database.transact(
                lambda t: discounts.change(t, key, terms, expected_version=version)
            )
        if isinstance(outcome, list):
            return DiscountSavePayload(discount=None, user_errors=user_errors(outcome))
        return DiscountSavePayload(discount=refer(outcome), user_errors=[])


def _terms(input: DiscountSaveInput) -> dict[str, Any]:
    """What was sent, as fields of a draft; a list that is null is empty."""
    terms = given(input)
    for name in ("amounts", "minimums"):
        if name in terms:
            terms[name] = amounts_of(terms[name] or [])
    if "product_ids" in terms:
        terms["product_ids"] = [read_id("prd", shown) for shown in terms["product_ids"] or ()]
    if "categories" in terms:
        terms["categories"] = terms["categories"] or []
    return terms | {"combinable": bool(input.combinable), "active": input.active is not False}
