"""Tills: queries and mutations, and signing in at one."""

from uuid import UUID

import strawberry

from auth.permissions import ANYONE, MEMBER, staff
from auth.refusal import Refusal
from auth.throttle import SIGN_IN_ADDRESS, STEP_UP, TILL, TILL_DAY, TILL_PIN
from commerce import email, staff_pin
from commerce import till as tills
from models.ids import read_id
from reads.declare import many, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.issued_session import hand_over
from resolvers.payloads import refer
from resolvers.throttling import throttle, throttle_caller, told_when_busy
from schema.errors import user_errors
from schema.login_session import SessionTransport, SignInPayload
from schema.till import (
    MANAGERS,
    PREFIX,
    StaffPinSetInput,
    StaffPinSetPayload,
    Till,
    TillKeyIssueInput,
    TillKeyIssuePayload,
    TillSaveInput,
    TillSavePayload,
    TillSignInInput,
)


@value(readers=staff("till:manage"))
class TillQuery:
    tills: list[Till] = many(order=lambda till: (till.name, till.id))


@value(readers=MANAGERS)
class TillMutation:
    @strawberry.mutation(description="Makes or changes a till. One that is disabled signs nobody in, and out at once.")
    async def till_save(self, info: Info, input: TillSaveInput) -> TillSavePayload:
        changes = given(input)
        shown, version = changes.pop("id", None), changes.pop("expected_version", None)
        key = None if shown is None else read_id(PREFIX, shown)
        outcome: tills.Outcome = [tills.NOT_FOUND]
        if shown is None:
            outcome = await info.context.database.transact(lambda t: tills.create(t, changes))
        elif key is not None:
            outcome = await info.context.database.transact(
                lambda t: tills.change(t, key, changes, expected_version=version)
            )
        if isinstance(outcome, UUID):
            return TillSavePayload(till=refer(outcome), user_errors=[])
        return TillSavePayload(till=None, user_errors=user_errors(outcome))

    @strawberry.mutation(
        description="Makes a till's key, which is shown this once. The one before dies, and what it was signed in to."
    )
    async def till_key_issue(self, info: Info, input: TillKeyIssueInput) -> TillKeyIssuePayload:
        key = read_id(PREFIX, input.till_id)
        if key is None:
            return TillKeyIssuePayload(till=None, user_errors=user_errors(tills.NO_TILL))
        outcome = await info.context.database.transact(lambda t: tills.issue_key(t, key))
        if isinstance(outcome, Refusal):
            return TillKeyIssuePayload(till=None, user_errors=user_errors(outcome))
        return TillKeyIssuePayload(key=outcome, till=refer(key), user_errors=[])

    @strawberry.mutation(
        description="Signs a member of staff in at a till for a shift, and out after a quarter of an hour without use. "
        "Whatever is wrong gets the same answer after the same time.",
        metadata={"readers": ANYONE},
    )
    async def till_sign_in(self, info: Info, input: TillSignInInput) -> SignInPayload:
        context, count = info.context, info.context.services.throttle
        device = tills.key_digest(input.device_key).hex()
        address = email.normalise(input.staff_email)
        whose = (device, input.staff_email if isinstance(address, Refusal) else address)
        await throttle_caller(info, SIGN_IN_ADDRESS)
        await throttle(info, TILL, device)
        for budget in (TILL_PIN, TILL_DAY):
            await throttle(info, budget, *whose)
        with told_when_busy(info):
            outcome = await tills.sign_in(
                context.database,
                context.services.passwords,
                context.client,
                tills.SignIn(input.device_key, input.staff_email, input.pin),
                context.viewer.token_digest,
            )
        if isinstance(outcome, Refusal):
            return SignInPayload(customer=None, user_errors=user_errors(outcome))
        for budget in (TILL_PIN, TILL_DAY):
            await count.forget(budget, *whose)
        session = hand_over(context, outcome, SessionTransport.TOKEN)
        return SignInPayload(session=session, customer=None, user_errors=[])

    @strawberry.mutation(
        description="Sets one's PIN for tills, after a step-up, and ends what one is signed in to there.",
        metadata={"readers": MEMBER},
    )
    async def staff_pin_set(self, info: Info, input: StaffPinSetInput) -> StaffPinSetPayload:
        context = info.context
        member = context.viewer.staff
        assert member is not None
        await throttle(info, STEP_UP, str(context.viewer.account_id))
        with told_when_busy(info):
            refused = await staff_pin.choose(
                context.database, context.services.passwords, context.client, context.viewer, input.pin
            )
        if refused is not None:
            return StaffPinSetPayload(staff=None, user_errors=user_errors(refused))
        return StaffPinSetPayload(staff=refer(member.staff_id), user_errors=[])
