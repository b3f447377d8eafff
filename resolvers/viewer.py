"""Who a request is."""

from functools import partial

import strawberry

from auth.permissions import ANYONE
from reads.declare import value
from resolvers.context import Info
from resolvers.payloads import refer
from resolvers.second_factor import own_second_factors
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
            step_up_until=found.stepped_up_until,
            find_second_factors=partial(own_second_factors, info.context),
        )
