"""Who a request is."""

from datetime import datetime

import strawberry

from auth.permissions import ANYONE
from auth.viewer import ViewerKind
from reads.declare import referenced, value
from schema.login_session import LoginSession
from schema.partner import Partner

strawberry.enum(ViewerKind)


@value(readers=ANYONE)
class Viewer:
    """Who this request is, and may do. `stepUpUntil` is null without a fresh step-up."""

    kind: ViewerKind
    permissions: list[str]
    session: LoginSession | None = referenced()
    partner: Partner | None = referenced()
    step_up_until: datetime | None
