"""Whether an order line may be sent back: what commerce.return_rules says, as fields."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import func, literal_column

from auth.permissions import OWNER, staff
from commerce import return_rules
from commerce.return_rules import ReturnIneligibility
from reads.declare import Value, embed, value

strawberry.enum(ReturnIneligibility)

READERS = OWNER + staff("order:read")


@value(readers=READERS)
class ReturnEligibility:
    """How many pieces may be sent back, until when, and why not where none may."""

    returnable: bool
    quantity: int
    until: datetime | None
    reasons: list[ReturnIneligibility]


def return_eligibility() -> Any:
    """The field of an order line."""
    return embed(
        returnable=lambda line: func.cardinality(return_rules.reasons(line)) == literal_column("0"),
        quantity=return_rules.returnable,
        until=Value(return_rules.until_of_line, True),
        reasons=return_rules.reasons,
    )
