"""Selling at a till."""

import strawberry

from commerce.measurement import sealer_of
from commerce.money import Amount
from commerce.placing import Desk
from commerce.till_drafting import Sale, Tendered
from commerce.till_sale import sell
from models.ids import read_id
from reads.declare import value
from resolvers.cart import line_draft
from resolvers.context import Info
from resolvers.payloads import refer
from schema import quote
from schema.customer import PREFIX as CUSTOMER
from schema.errors import user_errors
from schema.money import exact_money
from schema.till_sale import SELLERS, OrderPlaceInStoreInput, OrderPlaceInStorePayload


@value(readers=SELLERS)
class TillSaleMutation:
    @strawberry.mutation(
        description="Sells in the store, for cash and cards, taxed where the store is. With each refusal nothing is "
        "taken."
    )
    async def order_place_in_store(self, info: Info, input: OrderPlaceInStoreInput) -> OrderPlaceInStorePayload:
        services, member = info.context.services, info.context.account_id
        desk = Desk(services.database, services.payments, services.shop.store, sealer_of(services.secret))
        sold = await sell(desk, member, _sale(input))
        return OrderPlaceInStorePayload(
            order=refer(sold.order_id),
            quote=quote.shown(sold.quoted) if sold.quoted else None,
            change=None if sold.change is None else exact_money(sold.change, input.currency_code),
            user_errors=user_errors(sold.refusals),
        )


def _sale(input: OrderPlaceInStoreInput) -> Sale:
    """What the input asks for. An id that is none names what nobody has."""
    return Sale(
        [line_draft(line) for line in input.lines],
        input.currency_code,
        [
            Tendered(one.kind, Amount(one.amount.amount, one.amount.currency_code), one.gateway_token or None)
            for one in input.tenders or ()
        ],
        input.idempotency_key,
        list(input.discount_codes or ()),
        bool(input.customer_id),
        read_id(CUSTOMER, input.customer_id) if input.customer_id else None,
        input.handed_over is not False,
        bool(input.dry_run),
    )
