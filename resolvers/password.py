"""Setting and changing passwords."""

import strawberry

from auth.permissions import ANYONE, SIGNED_IN
from auth.refusal import Refusal
from auth.sessions import require_step_up
from auth.throttle import RESET_ACCOUNT, RESET_ADDRESS, STEP_UP, TOKEN
from commerce import email, password
from reads.declare import value
from resolvers.context import Info
from resolvers.issued_session import take_back
from resolvers.payloads import customer_of
from resolvers.throttling import throttle, throttle_caller, told_when_busy
from schema.errors import user_errors
from schema.password import (
    PasswordChangeInput,
    PasswordChangePayload,
    PasswordResetInput,
    PasswordResetPayload,
    PasswordResetRequestInput,
    PasswordResetRequestPayload,
)


@value(readers=ANYONE)
class PasswordMutation:
    @strawberry.mutation(
        description="Asks for a letter with the way to a new password. The same answer, after the same work, whether "
        "or not the address has an account."
    )
    async def password_reset_request(self, info: Info, input: PasswordResetRequestInput) -> PasswordResetRequestPayload:
        context = info.context
        await throttle_caller(info, RESET_ADDRESS)
        address = email.normalise(input.email)
        if isinstance(address, Refusal):
            return PasswordResetRequestPayload(accepted=False, user_errors=user_errors(address))
        await throttle(info, RESET_ACCOUNT, address)
        await context.database.transact(lambda t: password.request_reset(t, address, context.client))
        return PasswordResetRequestPayload(accepted=True, user_errors=[])

    @strawberry.mutation(
        description="Sets a new password with the token from the mailbox, and ends every session. One signs in "
        "afterwards."
    )
    async def password_reset(self, info: Info, input: PasswordResetInput) -> PasswordResetPayload:
        context = info.context
        await throttle_caller(info, TOKEN)
        with told_when_busy(info):
            outcome = await password.reset(
                context.database, context.services.passwords, context.client, input.token, input.new_password
            )
        if isinstance(outcome, Refusal):
            return PasswordResetPayload(customer=None, user_errors=user_errors(outcome))
        if outcome == context.viewer.account_id:
            take_back(context)
        return PasswordResetPayload(customer=None, user_errors=[])

    @strawberry.mutation(
        description="Changes one's password, after a step-up, ends one's other sessions, and is told by mail.",
        metadata={"readers": SIGNED_IN},
    )
    async def password_change(self, info: Info, input: PasswordChangeInput) -> PasswordChangePayload:
        context = info.context
        if refused := require_step_up(context.viewer):
            return PasswordChangePayload(customer=None, user_errors=user_errors(refused))
        await throttle(info, STEP_UP, str(context.viewer.account_id))
        with told_when_busy(info):
            refused = await password.change(
                context.database,
                context.services.passwords,
                context.client,
                context.viewer,
                input.current_password,
                input.new_password,
            )
        if refused is not None:
            return PasswordChangePayload(customer=None, user_errors=user_errors(refused))
        return PasswordChangePayload(customer=customer_of(context.viewer), user_errors=[])
