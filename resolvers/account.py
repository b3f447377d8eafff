"""Account queries and mutations."""

from auth.permissions import ANYONE, OWNER
from reads.declare import one, value
from schema.account import Customer


@value(readers=ANYONE)
class AccountQuery:
    me: Customer | None = one(lambda viewer, account: account.id == viewer.account_id, seen_by=OWNER)
