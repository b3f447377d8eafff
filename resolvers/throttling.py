"""Too many attempts: a top-level RATE_LIMITED with Retry-After, the same whether or not there is an account."""

from collections.abc import Generator
from contextlib import contextmanager
from math import ceil

from graphql import GraphQLError

from auth.networks import throttled_as
from auth.threads import Busy
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


class Spending:
    """What an operation costs of budgets, taken before it is known whether all of it is due."""

    def __init__(self, info: Info, cost: int) -> None:
        self._info, self._cost = info, cost
        self._taken: list[tuple[Budget, str]] = []

    async def by_caller(self, budget: Budget) -> None:
        """Takes the cost from what the caller's address may spend. Raises GraphQLError where it is not there."""
        await self.by(budget, throttled_as(self._info.context.client.address))

    async def by(self, budget: Budget, subject: str) -> None:
        """Takes the cost from what the subject may spend. Raises GraphQLError where it is not there."""
        if not self._cost:
            return
        allowed = await self._info.context.services.throttle.spend(budget, self._cost, subject)
        if not allowed.granted:
            await self.give_back(self._cost)
            raise _rate_limited(self._info, allowed.seconds, "Too many attempts. Wait a while before the next.")
        self._taken.append((budget, subject))

    async def give_back(self, cost: int) -> None:
        """Gives back this much to each budget."""
        for budget, subject in self._taken:
            await self._info.context.services.throttle.give_back(budget, cost, subject)


@contextmanager
def told_when_busy(info: Info) -> Generator[None]:
    """Around what is done in threads (passwords, pictures): turns Busy into an error that says when to try again."""
    try:
        yield
    except Busy as busy:
        raise _rate_limited(info, busy.retry_after, "We are busy. Try again in a moment.") from None


def _rate_limited(info: Info, seconds: float, message: str) -> GraphQLError:
    wait = max(1, ceil(seconds))
    info.context.response.add("retry-after", str(wait))
    return GraphQLError(message, extensions={"code": "RATE_LIMITED", "retryAfter": wait})
