"""Preferences of one's own."""

import strawberry

from auth.permissions import OWNER
from commerce import preference
from commerce.preference import Size
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.errors import user_errors
from schema.preference import (
    CommunicationPreferencesUpdateInput,
    CommunicationPreferencesUpdatePayload,
    PreferencesUpdateInput,
    PreferencesUpdatePayload,
)


@value(readers=OWNER)
class PreferenceMutation:
    @strawberry.mutation(description="Changes sizes, brands, interests, and whether they may be used for suggestions.")
    async def preferences_update(self, info: Info, input: PreferencesUpdateInput) -> PreferencesUpdatePayload:
        context, changes = info.context, given(input)
        owner, version = context.account_id, changes.pop("expected_version", None)
        if changes.get("sizes"):
            changes["sizes"] = [Size(one.garment, one.size) for one in changes["sizes"]]
        if changes.get("brand_ids"):
            changes["brand_ids"] = [read_id("brd", shown) for shown in changes["brand_ids"]]
        refused = await context.database.transact(
            lambda t: preference.update_taste(t, owner, changes, context.client.channel, expected_version=version)
        )
        return PreferencesUpdatePayload(preferences=refer(None if refused else owner), user_errors=user_errors(refused))

    @strawberry.mutation(description="Changes by which ways marketing may come.")
    async def communication_preferences_update(
        self, info: Info, input: CommunicationPreferencesUpdateInput
    ) -> CommunicationPreferencesUpdatePayload:
        context, changes = info.context, given(input)
        owner, version = context.account_id, changes.pop("expected_version", None)
        refused = await context.database.transact(
            lambda t: preference.update_communication(
                t, owner, changes, context.client.channel, expected_version=version
            )
        )
        return CommunicationPreferencesUpdatePayload(
            communication_preferences=refer(None if refused else owner), user_errors=user_errors(refused)
        )
