"""Signing in and out, and the sessions of one's own."""

from dataclasses import replace

import strawberry

from auth.permissions import ANYONE, OWNER
from auth.refusal import Refusal
from auth.throttle import SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS, STEP_UP
from commerce import login_session
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.issued_session import hand_over, take_back
from resolvers.payloads import refer
from resolvers.throttling import throttle, throttle_caller, told_when_busy
from schema.errors import user_errors
from schema.login_session import (
    PREFIX,
    SessionRevokeInput,
    SessionRevokePayload,
    SessionsRevokeOthersPayload,
    SignInInput,
    SignInPayload,
    SignOutPayload,
    StepUpInput,
    StepUpPayload,
)


@value(readers=ANYONE)
class LoginSessionMutation:
    @strawberry.mutation(
        description="Signs in. An unknown account, a wrong password, an account without one and a disabled account get "
        "the same answer after the same time. The session that the request itself comes with ends."
    )
    async def sign_in(self, info: Info, input: SignInInput) -> SignInPayload:
        context = info.context
        await throttle_caller(info, SIGN_IN_ADDRESS)
        name = login_session.regular(input.identifier) or input.identifier
        await throttle(info, SIGN_IN_ACCOUNT, name)
        given = login_session.SignIn(
            input.identifier, input.password, bool(input.public_computer), input.device_name or None
        )
        with told_when_busy(info):
            outcome = await login_session.sign_in(
                context.database, context.services.passwords, context.client, given, context.viewer.token_digest
            )
        if isinstance(outcome, Refusal):
            return SignInPayload(session=None, customer=None, user_errors=user_errors(outcome))
        await context.services.throttle.forget(SIGN_IN_ACCOUNT, name)
        session = hand_over(context, outcome, input.transport)
        return SignInPayload(session=session, customer=refer(outcome.viewer.account_id), user_errors=[])

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
        description="Ends a session of one's own, the current one included.", metadata={"readers": OWNER}
    )
    async def session_revoke(self, info: Info, input: SessionRevokeInput) -> SessionRevokePayload:
        context = info.context
        owner, key = context.viewer.account_id, read_id(PREFIX, input.id)
        assert owner is not None
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
        description="Ends every session of one's own but the current one.", metadata={"readers": OWNER}
    )
    async def sessions_revoke_others(self, info: Info) -> SessionsRevokeOthersPayload:
        context = info.context
        owner, current = context.viewer.account_id, context.viewer.session_id
        assert owner is not None
        count = await context.database.transact(
            lambda transaction: login_session.end_other_sessions(transaction, owner, current, context.client)
        )
        return SessionsRevokeOthersPayload(revoked_count=count, user_errors=[])

    @strawberry.mutation(
        description="Gives the password again; for ten minutes this session may then do what asks for it.",
        metadata={"readers": OWNER},
    )
    async def step_up(self, info: Info, input: StepUpInput) -> StepUpPayload:
        context = info.context
        await throttle(info, STEP_UP, str(context.viewer.account_id))
        with told_when_busy(info):
            outcome = await login_session.step_up(
                context.database, context.services.passwords, context.client, context.viewer, input.password or None
            )
        if isinstance(outcome, Refusal):
            return StepUpPayload(valid_until=None, user_errors=user_errors(outcome))
        context.viewer = replace(context.viewer, stepped_up_until=outcome)
        return StepUpPayload(valid_until=outcome, user_errors=[])
