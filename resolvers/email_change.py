"""Changing the address of an account."""

import strawberry

from auth.permissions import ANYONE, OWNER
from auth.refusal import Refusal
from auth.sessions import require_step_up
from auth.throttle import EMAIL_CHANGE, TOKEN
from commerce import email, email_change
from reads.declare import value
from resolvers.context import Info
from resolvers.issued_session import take_back
from resolvers.payloads import refer
from resolvers.throttling import throttle, throttle_caller
from schema.email_change import (
    EmailChangeConfirmInput,
    EmailChangeConfirmPayload,
    EmailChangeRequestInput,
    EmailChangeRequestPayload,
    EmailChangeUndoInput,
    EmailChangeUndoPayload,
)
from schema.errors import user_errors


@value(readers=ANYONE)
class EmailChangeMutation:
    @strawberry.mutation(
        description="Asks for another address, after a step-up: the new mailbox confirms it, the old one is told and "
        "can undo it. The same answer, after the same work, whether or not the address is somebody's.",
        metadata={"readers": OWNER},
    )
    async def email_change_request(self, info: Info, input: EmailChangeRequestInput) -> EmailChangeRequestPayload:
        context = info.context
        refused = require_step_up(context.viewer)
        address = email.normalise(input.new_email, field=("newEmail",))
        if refused is None and not isinstance(address, Refusal):
            owner = context.account_id
            await throttle(info, EMAIL_CHANGE, str(owner))
            refused = await context.database.transact(lambda t: email_change.request(t, owner, address, context.client))
        errors = user_errors([found for found in (refused, address) if isinstance(found, Refusal)])
        return EmailChangeRequestPayload(accepted=not errors, user_errors=errors)

    @strawberry.mutation(description="Gives the account its new address, with the token from there, signed in or not.")
    async def email_change_confirm(self, info: Info, input: EmailChangeConfirmInput) -> EmailChangeConfirmPayload:
        context = info.context
        await throttle_caller(info, TOKEN)
        outcome = await context.database.transact(lambda t: email_change.confirm(t, input.token, context.client))
        if isinstance(outcome, Refusal):
            return EmailChangeConfirmPayload(customer=None, user_errors=user_errors(outcome))
        own = outcome == context.viewer.account_id
        return EmailChangeConfirmPayload(customer=refer(outcome if own else None), user_errors=[])

    @strawberry.mutation(
        description="Gives the account back its old address, with the token from there, and ends every session. Later "
        "changes are undone with it. A letter with the way to a new password follows."
    )
    async def email_change_undo(self, info: Info, input: EmailChangeUndoInput) -> EmailChangeUndoPayload:
        context = info.context
        await throttle_caller(info, TOKEN)
        outcome = await context.database.transact(lambda t: email_change.undo(t, input.token, context.client))
        if isinstance(outcome, Refusal):
            return EmailChangeUndoPayload(undone=False, user_errors=user_errors(outcome))
        if outcome == context.viewer.account_id:
            take_back(context)
        return EmailChangeUndoPayload(undone=True, user_errors=[])
