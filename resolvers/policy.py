"""The privacy policy, for everyone."""

import strawberry

from auth.permissions import ANYONE
from privacy import policy
from privacy.promises import PROMISES
from reads.cursors import wrong
from reads.declare import value
from schema.policy import PolicyVersion, Promise


@value(readers=ANYONE)
class PolicyQuery:
    @strawberry.field(description="The privacy policy: the version in force, or the one that is named.")
    def privacy_policy(self, version: str | None = strawberry.UNSET) -> PolicyVersion:
        found = policy.CURRENT
        if version and version != found.version:
            raise wrong("There is no such version of the policy.")
        return PolicyVersion(
            version=found.version,
            effective_at=found.effective_at,
            review_due_at=found.review_due_at,
            promises=[
                Promise(id=strawberry.ID(one.id), summary=one.summary, enforced_by=list(one.enforced_by))
                for one in PROMISES
            ],
        )
