"""Following an order while it changes."""

from collections.abc import AsyncGenerator
from typing import Any

import strawberry
from graphql import GraphQLError

from auth.permissions import OWNER
from commerce.order_watch import End, Following
from models.ids import read_id
from reads.declare import Ref, Referenced, value
from resolvers.context import Info
from schema.order import Order

_ENDED = {
    End.SESSION: ("The session has ended.", "UNAUTHENTICATED"),
    End.ORDER: ("There is no such order.", "NOT_FOUND"),
}


@value(readers=OWNER)
class OrderSubscription:
    @strawberry.subscription(
        description="The order each time that it changes; several changes at once may come as one. With `current` it "
        "comes once at first as it is, so that nothing is missed however long one was not connected. Ends with an "
        "error: UNAUTHENTICATED when the session does, NOT_FOUND where there is no such order of one's own.",
        metadata={"reads": Referenced()},
    )
    async def order_updated(
        self, info: Info, order_id: strawberry.ID, current: bool = False
    ) -> AsyncGenerator[Order, None]:
        key, digest = read_id("ord", order_id), info.context.viewer.token_digest
        assert digest is not None
        following = await info.context.services.orders.follow(key, digest) if key is not None else End.ORDER
        if isinstance(following, End):
            raise _ended(following)
        return _updates(following, at_first=current)


async def _updates(following: Following, *, at_first: bool) -> AsyncGenerator[Any]:
    if at_first:
        yield Ref(following.order_id)
    async for _ in following:
        yield Ref(following.order_id)
    raise _ended(following.end or End.ORDER)


def _ended(end: End) -> GraphQLError:
    message, code = _ENDED[end]
    return GraphQLError(message, extensions={"code": code})
