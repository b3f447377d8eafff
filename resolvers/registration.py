"""Opening an account."""

import strawberry

from auth.permissions import ANYONE
from auth.sessions import Issued
from auth.throttle import REGISTER_ACCOUNT, REGISTER_ADDRESS, TOKEN
from commerce import registration
from commerce.registration import Form, Verification
from models.account import AgeBand
from reads.declare import value
from resolvers import age_answer
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.issued_session import hand_over, require_cookies, require_way
from resolvers.payloads import refer
from resolvers.throttling import throttle, throttle_caller, told_when_busy
from schema.errors import user_errors
from schema.login_session import SignInPayload
from schema.registration import AccountRegisterInput, AccountRegisterPayload, AccountVerifyInput


@value(readers=ANYONE)
class RegistrationMutation:
    @strawberry.mutation(
        description="Asks for an account. The same answer, after the same work, whether or not the address has one: "
        "only its mailbox hears more. Under 13 a parent or guardian is asked, and nothing of the child is kept."
    )
    async def account_register(self, info: Info, input: AccountRegisterInput) -> AccountRegisterPayload:
        context = info.context
        require_cookies(context)
        answered_before = age_answer.given_before(context)
        if input.age_band is AgeBand.UNDER_13:
            age_answer.keep(context)
        await throttle_caller(info, REGISTER_ADDRESS)
        typed = given(input)
        form = Form(policy_version=typed.pop("accepts_policy_version"), **typed)
        who = registration.check(form, answered_under_13=answered_before)
        if isinstance(who, list):
            return AccountRegisterPayload(status=None, user_errors=user_errors(who))
        await throttle(info, REGISTER_ACCOUNT, who.email)
        status = await context.database.transact(lambda t: registration.submit(t, who, context.client.channel))
        return AccountRegisterPayload(status=status, user_errors=[])

    @strawberry.mutation(
        description="Opens the account with the token from its mailbox, sets its password, and signs in. The token is "
        "used up by that alone, not by a password or username that is refused."
    )
    async def account_verify(self, info: Info, input: AccountVerifyInput) -> SignInPayload:
        context = info.context
        require_way(context, input.transport)
        await throttle_caller(info, TOKEN)
        brought = given(input)
        brought.pop("transport")
        with told_when_busy(info):
            outcome = await registration.verify(
                context.database,
                context.services.passwords,
                context.client,
                Verification(**brought),
                context.viewer.token_digest,
            )
        if not isinstance(outcome, Issued):
            return SignInPayload(session=None, customer=None, user_errors=user_errors(outcome))
        session = hand_over(context, outcome, input.transport)
        return SignInPayload(session=session, customer=refer(outcome.viewer.account_id), user_errors=[])
