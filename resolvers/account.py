"""Account queries and mutations."""

import strawberry

from auth.permissions import ANYONE, OWNER
from auth.throttle import USERNAME
from commerce import account
from reads.declare import one, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from resolvers.throttling import throttle
from schema.account import AccountUpdateInput, AccountUpdatePayload, Customer
from schema.errors import user_errors


@value(readers=ANYONE)
class AccountQuery:
    me: Customer | None = one(lambda viewer, account: account.id == viewer.account_id, seen_by=OWNER)


@value(readers=OWNER)
class AccountMutation:
    @strawberry.mutation(description="Changes name, username and phone number of one's own account.")
    async def account_update(self, info: Info, input: AccountUpdateInput) -> AccountUpdatePayload:
        context, changes = info.context, given(input)
        owner, version = context.account_id, changes.pop("expected_version", None)
        if changes.get("username"):
            await throttle(info, USERNAME, str(owner))
        refused = await context.database.transact(
            lambda t: account.update_profile(t, owner, changes, context.client, expected_version=version)
        )
        return AccountUpdatePayload(customer=refer(None if refused else owner), user_errors=user_errors(refused))
