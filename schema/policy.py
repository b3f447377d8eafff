"""The privacy policy, as it is published."""

from datetime import datetime

from auth.permissions import ANYONE
from reads.declare import value


@value(readers=ANYONE)
class PolicyVersion:
    """A text of the policy: from when it holds, and by when it is looked through again."""

    version: str
    effective_at: datetime
    review_due_at: datetime
