"""Signing in and out, and the sessions of one's own."""

import strawberry

from auth.permissions import ANYONE, SIGNED_IN
from auth.refusal import Refusal
from auth.throttle import SECOND_FACTOR, SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS, STEP_UP, TOTP_DAY, Budget
from commerce import challenge, login_session
from commerce.challenge import Challenged
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.issued_session import hand_over, require_way, take_back
from resolvers.payloads import customer_of, refer
from resolvers.throttling import throttle, throttle_caller, told_when_busy
from resolvers.viewing import see_anew, verifier
from schema.errors import user_errors
from schema.login_session import (
    PREFIX,
    SessionRevokeInput,
    SessionRevokePayload,
    SessionsRevokeOthersPayload,
    SessionTransport,
    SignInInput,
    SignInPayload,
    SignOutPayload,
    StepUpInput,
    StepUpPayload,
)
from schema.second_factor import SecondFactorInput, SignInChallenge, SignInCompleteInput


@value(readers=ANYONE)
class LoginSessionMutation:
    @strawberry.mutation(
        description="Signs in. An unknown account, a wrong password, an account without one and a disabled account get "
        "the same answer after the same time. The session that the request itself comes with ends. Where the account "
        "has a second factor, a challenge for `signInComplete` is the answer, and nothing ends yet."
    )
    async def sign_in(self, info: Info, input: SignInInput) -> SignInPayload:
        context = info.context
        require_way(context, input.transport)
        await throttle_caller(info, SIGN_IN_ADDRESS)
        name = login_session.regular(input.identifier) or input.identifier
        await throttle(info, SIGN_IN_ACCOUNT, name)
        given = login_session.SignIn(
            input.identifier,
            input.password,
            bool(input.public_computer),
            input.device_name or None,
            input.transport is SessionTransport.COOKIE,
        )
        with told_when_busy(info):
            outcome = await login_session.sign_in(
                context.database, context.services.passwords, context.client, given, context.viewer.token_digest
            )
        if isinstance(outcome, Refusal):
            return SignInPayload(session=None, customer=None, user_errors=user_errors(outcome))
        if isinstance(outcome, Challenged):
            return SignInPayload(challenge=_shown(info, outcome), customer=None, user_errors=[])
        await context.services.throttle.forget(SIGN_IN_ACCOUNT, name)
        session = hand_over(context, outcome, input.transport)
        return SignInPayload(session=session, customer=customer_of(outcome.viewer), user_errors=[])

    @strawberry.mutation(
        description="Gives the second factor that a sign-in waits for, and opens the session, for the device and by "
        "the transport that `signIn` was told. Five wrong answers end the sign-in."
    )
    async def sign_in_complete(self, info: Info, input: SignInCompleteInput) -> SignInPayload:
        context = info.context
        await throttle_caller(info, SIGN_IN_ADDRESS)
        owner = await context.database.transact(lambda t: challenge.account_of(t, input.challenge))
        if owner is None:
            return SignInPayload(customer=None, user_errors=user_errors(challenge.GONE))
        await _throttle_second_factor(info, input.second_factor, SECOND_FACTOR, str(owner))
        outcome = await context.database.transact(
            lambda t: login_session.complete(
                t,
                verifier(context),
                context.client,
                input.challenge,
                input.second_factor.answer(),
                context.viewer.token_digest,
            )
        )
        if isinstance(outcome, Refusal):
            return SignInPayload(customer=None, user_errors=user_errors(outcome))
        for budget, names in ((SIGN_IN_ACCOUNT, outcome.names), (SECOND_FACTOR, [owner]), (TOTP_DAY, [owner])):
            for name in names:
                await context.services.throttle.forget(budget, str(name))
        transport = SessionTransport.COOKIE if outcome.by_cookie else SessionTransport.TOKEN
        session = hand_over(context, outcome.issued, transport)
        return SignInPayload(session=session, customer=customer_of(outcome.issued.viewer), user_errors=[])

    @strawberry.mutation(description="Ends the session that the request comes with, on every server at once.")
    async def sign_out(self, info: Info) -> SignOutPayload:
        context = info.context
        viewer = context.viewer
        signed_out = await context.database.transact(
            lambda transaction: login_session.sign_out(transaction, viewer, context.client)
        )
        take_back(context)
        return SignOutPayload(signed_out=signed_out, user_errors=[])

    @strawberry.mutation(
        description="Ends a session of one's own, the current one included.", metadata={"readers": SIGNED_IN}
    )
    async def session_revoke(self, info: Info, input: SessionRevokeInput) -> SessionRevokePayload:
        context = info.context
        owner, key = context.account_id, read_id(PREFIX, input.id)
        if key is None:
            return SessionRevokePayload(session=None, user_errors=user_errors(login_session.NO_SESSION))
        refused = await context.database.transact(
            lambda transaction: login_session.end_session(transaction, owner, key, context.client)
        )
        if refused is not None:
            return SessionRevokePayload(session=None, user_errors=user_errors(refused))
        if key == context.viewer.session_id:
            take_back(context)
            return SessionRevokePayload(session=None, user_errors=[])
        return SessionRevokePayload(session=refer(key), user_errors=[])

    @strawberry.mutation(
        description="Ends every session of one's own but the current one.", metadata={"readers": SIGNED_IN}
    )
    async def sessions_revoke_others(self, info: Info) -> SessionsRevokeOthersPayload:
        context = info.context
        owner, current = context.account_id, context.viewer.session_id
        count = await context.database.transact(
            lambda transaction: login_session.end_other_sessions(transaction, owner, current, context.client)
        )
        return SessionsRevokeOthersPayload(revoked_count=count, user_errors=[])

    @strawberry.mutation(
        description="Gives the password again, or where there is a second factor the strongest one; for ten minutes "
        "this session may then do what asks for it.",
        metadata={"readers": SIGNED_IN},
    )
    async def step_up(self, info: Info, input: StepUpInput) -> StepUpPayload:
        context, given = info.context, input.second_factor or None
        owner = str(context.viewer.account_id)
        if given is not None:
            await _throttle_second_factor(info, given, STEP_UP, owner)
            outcome = await context.database.transact(
                lambda t: login_session.step_up_by_second_factor(
                    t, verifier(context), context.client, context.viewer, given.answer()
                )
            )
        else:
            await throttle(info, STEP_UP, owner)
            with told_when_busy(info):
                outcome = await login_session.step_up(
                    context.database, context.services.passwords, context.client, context.viewer, input.password or None
                )
        if isinstance(outcome, Refusal):
            return StepUpPayload(valid_until=None, user_errors=user_errors(outcome))
        await context.services.throttle.forget(TOTP_DAY, owner)
        await see_anew(context)
        return StepUpPayload(valid_until=outcome, user_errors=[])


async def _throttle_second_factor(info: Info, given: SecondFactorInput, budget: Budget, owner: str) -> None:
    """Counts an attempt of the account's; codes of apps, which are short, by the day as well."""
    await throttle(info, budget, owner)
    if given.answer().totp_code is not None:
        await throttle(info, TOTP_DAY, owner)


def _shown(info: Info, waiting: Challenged) -> SignInChallenge:
    party = verifier(info.context).party
    return SignInChallenge(
        token=waiting.token,
        methods=list(waiting.methods),
        passkey_options=waiting.asked.options(party) if waiting.asked else None,
        expires_at=waiting.expires_at,
    )
