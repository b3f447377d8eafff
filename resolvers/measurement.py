"""Mutations of measurement sets."""

from functools import partial
from uuid import UUID

import strawberry

from auth.permissions import OWNER
from auth.refusal import Refusal
from commerce import measurement
from commerce.measurement import SetDraft, sealer_of
from models.ids import read_id, show_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.errors import user_errors
from schema.measurement import (
    PREFIX,
    MeasurementSetDeleteInput,
    MeasurementSetDeletePayload,
    MeasurementSetSaveInput,
    MeasurementSetSavePayload,
)

Outcome = UUID | list[Refusal]


@value(readers=OWNER)
class MeasurementMutation:
    @strawberry.mutation(description="Saves measurements of one's own or of one's child.")
    async def measurement_set_save(self, info: Info, input: MeasurementSetSaveInput) -> MeasurementSetSavePayload:
        outcome = await _save(info, input)
        if isinstance(outcome, list):
            return MeasurementSetSavePayload(measurement_set=None, user_errors=user_errors(outcome))
        return MeasurementSetSavePayload(measurement_set=refer(outcome), user_errors=[])

    @strawberry.mutation(description="Deletes a set of one's own; orders keep the copies that they are made to.")
    async def measurement_set_delete(self, info: Info, input: MeasurementSetDeleteInput) -> MeasurementSetDeletePayload:
        owner, key = info.context.account_id, read_id(PREFIX, input.id)
        outcome: Outcome = [measurement.NOT_FOUND]
        if key is not None:
            outcome = await info.context.database.transact(lambda t: measurement.remove(t, owner, key))
        if isinstance(outcome, list):
            return MeasurementSetDeletePayload(deleted_id=None, user_errors=user_errors(outcome))
        return MeasurementSetDeletePayload(deleted_id=strawberry.ID(show_id(PREFIX, outcome)), user_errors=[])


async def _save(info: Info, input: MeasurementSetSaveInput) -> Outcome:
    context = info.context
    owner, sealer, channel = context.account_id, sealer_of(context.services.secret), context.client.channel
    sent = given(input)
    draft = SetDraft(
        input.label,
        input.person,
        input.unit,
        tuple((one.name, one.value) for one in input.values),
        keep=input.keep is not False,
    )
    if sent.get("id") is None:
        return await info.context.database.transact(lambda t: measurement.save(t, owner, draft, sealer, channel))
    key = read_id(PREFIX, sent["id"])
    if key is None:
        return [measurement.NOT_FOUND]
    change = partial(measurement.change, expected_version=sent.get("expected_version"))
    return await info.context.database.transact(lambda t: change(t, owner, key, draft, sealer))
