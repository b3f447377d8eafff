"""The tailor's queue, and how work goes on."""

import strawberry

from auth.permissions import staff
from commerce import alteration
from models.ids import read_id
from reads.declare import page, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.alteration import (
    FIRST_DUE,
    PREFIX,
    STATUS,
    WRITERS,
    AlterationConnection,
    AlterationUpdateInput,
    AlterationUpdatePayload,
)
from schema.errors import user_errors


@value(readers=staff("alteration:read"))
class AlterationQuery:
    alterations: AlterationConnection = page(
        sorts=FIRST_DUE,
        arguments={"status": STATUS},
        description="The tailor's queue, what is due first at its top. Without a status: all work that is not over.",
    )


@value(readers=WRITERS)
class AlterationMutation:
    @strawberry.mutation(description="Goes on with a piece of work. READY lets its line be shipped.")
    async def alteration_update(self, info: Info, input: AlterationUpdateInput) -> AlterationUpdatePayload:
        changes = given(input)
        key, version = read_id(PREFIX, changes.pop("id")), changes.pop("expected_version", None)
        if key is None:
            return AlterationUpdatePayload(alteration=None, user_errors=user_errors([alteration.NOT_FOUND]))
        outcome = await info.context.database.transact(
            lambda t: alteration.change(t, key, changes, expected_version=version)
        )
        if isinstance(outcome, list):
            return AlterationUpdatePayload(alteration=None, user_errors=user_errors(outcome))
        return AlterationUpdatePayload(alteration=refer(outcome), user_errors=[])
