"""Too many attempts: a top-level RATE_LIMITED with Retry-After, the same whether or not there is an account."""

from collections.abc import Generator
from contextlib import contextmanager
from math import ceil

from graphql import GraphQLError

from auth.networks import throttled_as
from auth.passwords import Busy
from auth.throttle import Budget
from resolvers.context import Info


async def throttle_caller(info: Info, budget: Budget) -> None:
    """Counts an attempt from the caller's address. Raises GraphQLError where the budget is used up."""
    await throttle(info, budget, throttled_as(info.context.client.address))


async def throttle(info: Info, budget: Budget, *subjects: str) -> None:
    """Counts an attempt for these subjects. Raises GraphQLError where the budget is used up."""
    seconds = await info.context.services.throttle.hit(budget, *subjects)
    if seconds is not None:
        raise _rate_limited(info, seconds, "Too many attempts. Wait a while before the next.")


@contextmanager
def told_when_busy(info: Info) -> Generator[None]:
    """Around what hashes passwords: turns Busy into an error that says when to try again."""
    try:
        yield
    except Busy as busy:
        raise _rate_limited(info, busy.retry_after, "We are busy. Try again in a moment.") from None


def _rate_limited(info: Info, seconds: float, message: str) -> GraphQLError:
    wait = max(1, ceil(seconds))
    info.context.response.add("retry-after", str(wait))
    return GraphQLError(message, extensions={"code": "RATE_LIMITED", "retryAfter": wait})
