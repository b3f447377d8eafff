"""Mutations of saved ways to pay."""

from uuid import UUID

import strawberry

from auth.permissions import OWNER
from auth.refusal import Refusal
from auth.throttle import CARD
from commerce import payment
from commerce.payment import Wallet
from models.ids import read_id, show_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from resolvers.throttling import throttle
from schema.errors import user_errors
from schema.payment import (
    PREFIX,
    PaymentMethodAddInput,
    PaymentMethodAddPayload,
    PaymentMethodRemoveInput,
    PaymentMethodRemovePayload,
)
from schema.payment_action import shown_action


@value(readers=OWNER)
class PaymentMethodMutation:
    @strawberry.mutation(
        description="Saves a card for later, by a token of the payment provider: never by its number. "
        f"A customer may keep {payment.MOST_CARDS}."
    )
    async def payment_method_add(self, info: Info, input: PaymentMethodAddInput) -> PaymentMethodAddPayload:
        services, wallet = info.context.services, Wallet(info.context.account_id, info.context.client.channel)
        await throttle(info, CARD, str(wallet.account_id))
        added = await payment.add(services.database, services.payments, wallet, given(input))
        return PaymentMethodAddPayload(
            payment_method=refer(added.method_id),
            payment_action=shown_action(added.action),
            user_errors=user_errors(added.refusals),
        )

    @strawberry.mutation(description="Deletes a saved card of one's own; orders keep its last digits.")
    async def payment_method_remove(self, info: Info, input: PaymentMethodRemoveInput) -> PaymentMethodRemovePayload:
        owner, key = info.context.account_id, read_id(PREFIX, input.id)
        outcome: UUID | list[Refusal] = [payment.NOT_FOUND]
        if key is not None:
            outcome = await info.context.database.transact(lambda t: payment.remove(t, owner, key))
        if isinstance(outcome, list):
            return PaymentMethodRemovePayload(removed_id=None, user_errors=user_errors(outcome))
        return PaymentMethodRemovePayload(removed_id=strawberry.ID(show_id(PREFIX, outcome)), user_errors=[])
