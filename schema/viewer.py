"""Who a request is."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import strawberry

from auth.permissions import ANYONE
from auth.viewer import ViewerKind
from reads.declare import referenced, value
from schema.login_session import LoginSession
from schema.partner import Partner
from schema.role import StaffPurpose
from schema.second_factor import SecondFactor
from schema.staff import ObligationsStatus, StaffMember

strawberry.enum(ViewerKind)


@value(readers=ANYONE)
class Viewer:
    """Who this request is, and may do. `stepUpUntil` is null without a fresh step-up."""

    kind: ViewerKind
    permissions: list[str]
    session: LoginSession | None = referenced()
    partner: Partner | None = referenced()
    staff: StaffMember | None = referenced()
    purposes: list[StaffPurpose] = strawberry.field(
        description="What `X-Purpose` may say; nothing for others than staff."
    )
    step_up_until: datetime | None
    find_obligations: strawberry.Private[Callable[[], Awaitable[ObligationsStatus | None]]]
    find_second_factors: strawberry.Private[Callable[[], Awaitable[list[SecondFactor]]]]

    @strawberry.field(description="How it stands with one's obligations; null for others than staff.")
    async def obligations(self) -> ObligationsStatus | None:
        return await self.find_obligations()

    @strawberry.field(description="One's own, oldest first; nobody else has any to see.")
    async def second_factors(self) -> list[SecondFactor]:
        return await self.find_second_factors()
