"""Adding and removing second factors, and asking for one."""

import strawberry

from auth.permissions import SIGNED_IN
from auth.refusal import Refusal
from auth.throttle import ENROLMENT
from commerce import challenge, enrolment
from commerce.enrolment import Confirmed
from models.ids import read_id, show_id
from models.second_factor import SecondFactorMethod
from reads.declare import value
from resolvers.context import Context, Info
from resolvers.payloads import refer
from resolvers.throttling import throttle
from resolvers.viewing import see_anew, verifier
from schema.errors import user_errors
from schema.second_factor import (
    PREFIX,
    PasskeyChallengePayload,
    PasskeyConfirmInput,
    PasskeyEnrollPayload,
    RecoveryCodesRenewPayload,
    SecondFactor,
    SecondFactorPayload,
    SecondFactorRemoveInput,
    SecondFactorRemovePayload,
    TotpConfirmInput,
    TotpEnrollPayload,
)


@value(readers=SIGNED_IN)
class SecondFactorMutation:
    @strawberry.mutation(
        description="Asks for a passkey to step up with: `options` is for the browser, its answer for `stepUp`."
    )
    async def passkey_challenge(self, info: Info) -> PasskeyChallengePayload:
        context = info.context
        outcome = await context.database.transact(
            lambda t: challenge.ask_for_passkey(t, context.viewer, context.client)
        )
        if isinstance(outcome, Refusal):
            return PasskeyChallengePayload(user_errors=user_errors(outcome))
        return PasskeyChallengePayload(options=outcome.options(verifier(context).party), user_errors=[])

    @strawberry.mutation(
        description="Begins to add an authenticator app, after a step-up. It counts once `totpConfirm` has its code; "
        "beginning anew forgets what was not confirmed."
    )
    async def totp_enroll(self, info: Info) -> TotpEnrollPayload:
        context = info.context
        outcome = await context.database.transact(
            lambda t: enrolment.enroll_app(t, verifier(context), context.viewer, context.client)
        )
        if isinstance(outcome, Refusal):
            return TotpEnrollPayload(user_errors=user_errors(outcome))
        return TotpEnrollPayload(secret=outcome.seed, otpauth_uri=outcome.uri, user_errors=[])

    @strawberry.mutation(description="Adds the authenticator app that shows this code, within half an hour.")
    async def totp_confirm(self, info: Info, input: TotpConfirmInput) -> SecondFactorPayload:
        context = info.context
        await throttle(info, ENROLMENT, str(context.viewer.account_id))
        outcome = await context.database.transact(
            lambda t: enrolment.confirm_app(
                t, verifier(context), context.viewer, input.code, input.label or None, context.client
            )
        )
        return await _confirmed(info, outcome)

    @strawberry.mutation(
        description="Begins to add a passkey, after a step-up: `options` is for the browser, its answer for "
        "`passkeyConfirm`, within five minutes."
    )
    async def passkey_enroll(self, info: Info) -> PasskeyEnrollPayload:
        context = info.context
        outcome = await context.database.transact(
            lambda t: enrolment.enroll_passkey(t, verifier(context), context.viewer, context.client)
        )
        if isinstance(outcome, Refusal):
            return PasskeyEnrollPayload(user_errors=user_errors(outcome))
        return PasskeyEnrollPayload(options=outcome, user_errors=[])

    @strawberry.mutation(description="Adds the passkey that the browser has made.")
    async def passkey_confirm(self, info: Info, input: PasskeyConfirmInput) -> SecondFactorPayload:
        context = info.context
        await throttle(info, ENROLMENT, str(context.viewer.account_id))
        outcome = await context.database.transact(
            lambda t: enrolment.confirm_passkey(
                t, verifier(context), context.viewer, input.credential, input.label or None, context.client
            )
        )
        return await _confirmed(info, outcome)

    @strawberry.mutation(
        description="Removes a second factor of one's own, after a step-up, and with the last one the recovery codes. "
        "Who works here keeps one at least."
    )
    async def second_factor_remove(self, info: Info, input: SecondFactorRemoveInput) -> SecondFactorRemovePayload:
        context, key = info.context, read_id(PREFIX, input.id)
        refused = await context.database.transact(lambda t: enrolment.remove(t, context.viewer, key, context.client))
        if refused is not None or key is None:
            return SecondFactorRemovePayload(user_errors=user_errors(refused or enrolment.NOT_FOUND))
        await see_anew(context)
        return SecondFactorRemovePayload(removed_id=strawberry.ID(show_id(PREFIX, key)), user_errors=[])

    @strawberry.mutation(description="New recovery codes, after a step-up; the old ones are good no more.")
    async def recovery_codes_renew(self, info: Info) -> RecoveryCodesRenewPayload:
        context = info.context
        outcome = await context.database.transact(lambda t: enrolment.renew_codes(t, context.viewer))
        if isinstance(outcome, Refusal):
            return RecoveryCodesRenewPayload(user_errors=user_errors(outcome))
        return RecoveryCodesRenewPayload(recovery_codes=list(outcome), user_errors=[])


async def own_second_factors(context: Context) -> list[SecondFactor]:
    """The viewer's own; partners and who is not signed in have none."""
    owner = context.viewer.account_id
    if owner is None:
        return []
    rows = await context.database.transact(lambda t: enrolment.listed(t, owner))
    return [
        SecondFactor(
            id=strawberry.ID(show_id(PREFIX, row.id)),
            method=SecondFactorMethod(row.method),
            label=row.label,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
        )
        for row in rows
    ]


async def _confirmed(info: Info, outcome: Confirmed | Refusal) -> SecondFactorPayload:
    """The second factor as its owner sees it from now on, who may do more by it if they work here."""
    if isinstance(outcome, Refusal):
        return SecondFactorPayload(second_factor=None, user_errors=user_errors(outcome))
    await see_anew(info.context)
    codes = None if outcome.codes is None else list(outcome.codes)
    return SecondFactorPayload(second_factor=refer(outcome.factor_id), recovery_codes=codes, user_errors=[])
