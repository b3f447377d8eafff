"""Partners and their keys: queries and mutations."""

from functools import partial
from uuid import UUID

import strawberry

from auth.permissions import staff
from auth.refusal import Refusal
from commerce import partner as partners
from commerce.idempotency import once
from models.ids import read_id
from reads.declare import page, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.errors import UserError, user_errors
from schema.partner import (
    BY_NAME,
    KEY_PREFIX,
    PREFIX,
    PartnerConnection,
    PartnerCreateInput,
    PartnerCreatePayload,
    PartnerKeyIssueInput,
    PartnerKeyIssuePayload,
    PartnerKeyRevokeInput,
    PartnerKeyRevokePayload,
    PartnerUpdateInput,
    PartnerUpdatePayload,
)

Outcome = UUID | list[Refusal]


@value(readers=staff("partner:read"))
class PartnerQuery:
    partners: PartnerConnection = page(sorts=BY_NAME)


@value(readers=staff("partner:manage"))
class PartnerMutation:
    @strawberry.mutation(description="Makes a partner, which has no key yet.")
    async def partner_create(self, info: Info, input: PartnerCreateInput) -> PartnerCreatePayload:
        member, sent = info.context.account_id, given(input)
        draft = {name: found for name, found in sent.items() if name != "idempotency_key"}
        outcome = await info.context.database.transact(
            lambda t: once(t, member, "partnerCreate", sent, partial(partners.create, t, **draft))
        )
        return PartnerCreatePayload(partner=refer(_made(outcome)), user_errors=_errors(outcome))

    @strawberry.mutation(
        description="Changes a partner. Fewer scopes or networks, or being disabled, hold from the next request on, of "
        "older keys too."
    )
    async def partner_update(self, info: Info, input: PartnerUpdateInput) -> PartnerUpdatePayload:
        changes = given(input)
        key, version = read_id(PREFIX, changes.pop("id")), changes.pop("expected_version", None)
        outcome: Outcome = [partners.NOT_FOUND]
        if key is not None:
            outcome = await info.context.database.transact(
                lambda t: partners.change(t, key, changes, expected_version=version)
            )
        return PartnerUpdatePayload(partner=refer(_made(outcome)), user_errors=_errors(outcome))

    @strawberry.mutation(description="Makes a key of a partner. Older ones stay good until they are revoked or expire.")
    async def partner_key_issue(self, info: Info, input: PartnerKeyIssueInput) -> PartnerKeyIssuePayload:
        draft = given(input)
        key = read_id(PREFIX, draft.pop("partner_id"))
        if key is None:
            return PartnerKeyIssuePayload(partner_key=None, user_errors=user_errors(partners.NO_PARTNER))
        outcome = await info.context.database.transact(lambda t: partners.issue_key(t, key, partners.KeyDraft(**draft)))
        if isinstance(outcome, list):
            return PartnerKeyIssuePayload(partner_key=None, user_errors=user_errors(outcome))
        return PartnerKeyIssuePayload(key=outcome.text, partner_key=refer(outcome.key_id), user_errors=[])

    @strawberry.mutation(description="Ends a key at once. One that is over already stays as it is.")
    async def partner_key_revoke(self, info: Info, input: PartnerKeyRevokeInput) -> PartnerKeyRevokePayload:
        key = read_id(KEY_PREFIX, input.id)
        outcome: Outcome = [partners.NO_KEY]
        if key is not None:
            outcome = await info.context.database.transact(lambda t: partners.revoke_key(t, key))
        return PartnerKeyRevokePayload(partner_key=refer(_made(outcome)), user_errors=_errors(outcome))


def _made(outcome: Outcome) -> UUID | None:
    return outcome if isinstance(outcome, UUID) else None


def _errors(outcome: Outcome) -> list[UserError]:
    return [] if isinstance(outcome, UUID) else user_errors(outcome)
