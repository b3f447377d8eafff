"""The privacy policy, for everyone."""

from typing import Any

import strawberry

from auth.permissions import ANYONE
from privacy import policy
from privacy.promises import PROMISES
from reads.cursors import wrong
from reads.declare import known, value
from schema.policy import PolicyVersion, Promise


def _policy(facts: Any, version: str | None = None) -> PolicyVersion:
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


@value(readers=ANYONE)
class PolicyQuery:
    privacy_policy: PolicyVersion = known(
        _policy,
        arguments={"version": (str | None, strawberry.UNSET)},
        description="The privacy policy: the version in force, or the one that is named.",
    )
