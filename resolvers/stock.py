"""Stock: mutations of staff."""

import strawberry

from commerce import stock
from commerce.idempotency import once
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.errors import user_errors
from schema.product import VARIANT_PREFIX
from schema.stock_adjustment import KEEPERS, StockAdjustInput, StockAdjustPayload


@value(readers=KEEPERS)
class StockMutation:
    @strawberry.mutation(description="Corrects what is on hand of a variant, with an entry in the ledger.")
    async def stock_adjust(self, info: Info, input: StockAdjustInput) -> StockAdjustPayload:
        sent, account_id = given(input), info.context.account_id
        key = read_id(VARIANT_PREFIX, input.variant_id)
        if key is None:
            return StockAdjustPayload(variant=None, entry=None, user_errors=user_errors(stock.NOT_FOUND))
        adjustment = stock.Adjustment(
            key, input.change, input.kind, sent.get("note"), expected_on_hand=sent.get("expected_on_hand")
        )
        outcome = await info.context.database.transact(
            lambda t: once(t, account_id, "stockAdjust", sent, lambda: stock.adjust(t, adjustment))
        )
        if isinstance(outcome, list):
            return StockAdjustPayload(variant=None, entry=None, user_errors=user_errors(outcome))
        return StockAdjustPayload(variant=refer(key), entry=refer(outcome), user_errors=[])
