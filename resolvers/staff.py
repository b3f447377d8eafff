"""Staff: queries and mutations."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.permissions import ANYONE, MEMBER, staff
from auth.refusal import Refusal
from auth.throttle import TOKEN
from commerce import obligations, staff_invitation, staff_role
from commerce import staff as members
from commerce.idempotency import once
from commerce.staff_invitation import Draft
from commerce.staff_role import NOT_FOUND, Outcome
from models.ids import read_id
from reads.declare import many, page, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.issued_session import hand_over, require_way
from resolvers.payloads import refer
from resolvers.throttling import throttle_caller, told_when_busy
from resolvers.viewing import see_anew
from schema.errors import UserError, user_errors
from schema.login_session import SignInPayload
from schema.role import Role
from schema.staff import (
    BY_NAME,
    MANAGERS,
    PREFIX,
    ObligationsAcknowledgeInput,
    ObligationsAcknowledgePayload,
    ObligationsStatus,
    StaffConnection,
    StaffDisableInput,
    StaffDisablePayload,
    StaffEnableInput,
    StaffEnablePayload,
    StaffInviteAcceptInput,
    StaffInviteInput,
    StaffInvitePayload,
    StaffRolesSetInput,
    StaffRolesSetPayload,
)

Change = Callable[[AsyncConnection, UUID, UUID], Awaitable[Outcome]]


@value(readers=staff("staff:read"))
class StaffQuery:
    staff: StaffConnection = page(sorts=BY_NAME)
    roles: list[Role] = many(order=lambda role: (role.name,))


@value(readers=MANAGERS)
class StaffMutation:
    @strawberry.mutation(
        description="Invites somebody by mail to work for the shop, with roles that one holds oneself."
    )
    async def staff_invite(self, info: Info, input: StaffInviteInput) -> StaffInvitePayload:
        context, sent = info.context, given(input)
        account_id, actor = context.account_id, _member(info)
        draft = Draft(input.name, input.email, input.kind, frozenset(input.roles))

        async def work(transaction: AsyncConnection) -> Outcome:
            return await once(
                transaction,
                account_id,
                "staffInvite",
                {**sent, "roles": sorted(draft.roles)},
                lambda: staff_invitation.invite(transaction, actor, draft, context.client.channel),
            )

        return StaffInvitePayload(**await _changed(info, work))

    @strawberry.mutation(
        description="Opens the invited account with the token from its mailbox, sets its password, and signs in. A "
        "second factor is to be enrolled next: until then, one may do nothing that a role allows.",
        metadata={"readers": ANYONE},
    )
    async def staff_invite_accept(self, info: Info, input: StaffInviteAcceptInput) -> SignInPayload:
        context = info.context
        require_way(context, input.transport)
        await throttle_caller(info, TOKEN)
        with told_when_busy(info):
            outcome = await staff_invitation.accept(
                context.database,
                context.services.passwords,
                context.client,
                input.token,
                input.password,
                context.viewer.token_digest,
            )
        if isinstance(outcome, Refusal):
            return SignInPayload(customer=None, user_errors=user_errors(outcome))
        return SignInPayload(session=hand_over(context, outcome, input.transport), customer=None, user_errors=[])

    @strawberry.mutation(description="Ends all of a member's sessions at once. Whoever manages staff last, stays.")
    async def staff_disable(self, info: Info, input: StaffDisableInput) -> StaffDisablePayload:
        version = given(input).get("expected_version")
        return StaffDisablePayload(
            **await _change(info, input.id, lambda t, by, key: members.disable(t, by, key, expected_version=version))
        )

    @strawberry.mutation(description="Lets a disabled member sign in anew. No session or PIN of before is good again.")
    async def staff_enable(self, info: Info, input: StaffEnableInput) -> StaffEnablePayload:
        version = given(input).get("expected_version")
        return StaffEnablePayload(
            **await _change(info, input.id, lambda t, by, key: members.enable(t, by, key, expected_version=version))
        )

    @strawberry.mutation(description="Sets a member's roles. It holds from their next request on.")
    async def staff_roles_set(self, info: Info, input: StaffRolesSetInput) -> StaffRolesSetPayload:
        version, names = given(input).get("expected_version"), frozenset(input.roles)
        return StaffRolesSetPayload(
            **await _change(
                info,
                input.id,
                lambda t, by, key: staff_role.set_roles(t, by, key, names, expected_version=version),
            )
        )

    @strawberry.mutation(
        description="Acknowledges the obligations in force, which personal data is read under.",
        metadata={"readers": MEMBER},
    )
    async def obligations_acknowledge(
        self, info: Info, input: ObligationsAcknowledgeInput
    ) -> ObligationsAcknowledgePayload:
        actor = _member(info)
        outcome = await info.context.database.transact(lambda t: obligations.acknowledge(t, actor, input.version))
        if isinstance(outcome, Refusal):
            return ObligationsAcknowledgePayload(obligations=None, user_errors=user_errors(outcome))
        await see_anew(info.context)
        return ObligationsAcknowledgePayload(obligations=shown_status(outcome), user_errors=[])


def shown_status(found: obligations.Status) -> ObligationsStatus:
    """How it stands with a member's obligations, as an object of the API."""
    return ObligationsStatus(
        current=found.current,
        version=found.in_force.version,
        text=found.in_force.text,
        acknowledged_version=found.acknowledged_version,
        acknowledged_at=found.acknowledged_at,
    )


async def _change(info: Info, shown: str, change: Change) -> dict[str, Any]:
    """The payload of a change to the member with the id."""
    key, actor = read_id(PREFIX, shown), _member(info)
    if key is None:
        return {"staff": None, "user_errors": user_errors(NOT_FOUND)}
    return await _changed(info, lambda transaction: change(transaction, actor, key))


async def _changed(info: Info, work: Callable[[AsyncConnection], Awaitable[Outcome]]) -> dict[str, Any]:
    """The payload of a change to a member; whoever changed themselves is somebody else from here on."""
    outcome = await info.context.database.transact(work)
    if isinstance(outcome, list):
        return {"staff": None, "user_errors": user_errors(outcome)}
    if outcome == _member(info):
        await see_anew(info.context)
    none: list[UserError] = []
    return {"staff": refer(outcome), "user_errors": none}


def _member(info: Info) -> UUID:
    facts = info.context.viewer.staff
    assert facts is not None
    return facts.staff_id
