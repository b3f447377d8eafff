"""The privacy policy, as it is published."""

from datetime import datetime

import strawberry

from auth.permissions import ANYONE
from reads.declare import value


@value(readers=ANYONE)
class Promise:
    """What the shop promises, in its own words, and the rules that keep it."""

    id: strawberry.ID
    summary: str
    enforced_by: list[str]


@value(readers=ANYONE)
class PolicyVersion:
    """A text of the policy: from when it holds, and by when it is looked through again (P57)."""

    version: str
    effective_at: datetime
    review_due_at: datetime
    promises: list[Promise]
