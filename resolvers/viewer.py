"""Who a request is."""

from functools import partial

import strawberry

import auth.viewer
from auth.permissions import ANYONE
from auth.roles import StaffPurpose
from commerce import obligations
from reads.declare import value
from resolvers.context import Context, Info
from resolvers.payloads import refer
from resolvers.second_factor import own_second_factors
from resolvers.staff import shown_status
from schema.role import shown_purpose
from schema.staff import ObligationsStatus
from schema.viewer import Viewer


@value(readers=ANYONE)
class ViewerQuery:
    @strawberry.field(description="Who this request is, and may do.")
    def viewer(self, info: Info) -> Viewer:
        found = info.context.viewer
        return Viewer(
            kind=found.kind,
            permissions=sorted(found.permissions),
            session=refer(found.session_id),
            partner=refer(found.partner_id),
            staff=refer(found.staff.staff_id if found.staff else None),
            purposes=[shown_purpose(one) for one in _purposes(found)],
            step_up_until=found.stepped_up_until,
            find_obligations=partial(_own_obligations, info.context),
            find_second_factors=partial(own_second_factors, info.context),
        )


def _purposes(viewer: auth.viewer.Viewer) -> list[StaffPurpose]:
    return sorted(viewer.staff.purposes, key=lambda one: one.purpose) if viewer.staff else []


async def _own_obligations(context: Context) -> ObligationsStatus | None:
    member = context.viewer.staff
    if member is None:
        return None
    return shown_status(await context.database.transact(lambda t: obligations.status_of(t, member.staff_id)))
