"""How often something may be tried: counted in Redis for all processes together, here while Redis is away.

Attempts are counted whether or not there is such an account, so that a refusal tells nothing. Beside each budget stands
whom it is counted by. An account is named by what was typed (email or username), not by what was found for it. An
address is the caller's, as `auth.networks.throttled_as` counts it: homes, offices and phone networks share one, so its
budgets are wide, and slow down who tries many accounts. Ask for the address first: who is refused there should not use
up what an account's owner needs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from auth.tokens import keyed_hash

QUARTER_HOUR = 15 * 60


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `amount` attempts in `seconds` from the first one on. `seconds` is also how long a counter lives."""

    name: str
    amount: int
    seconds: int = QUARTER_HOUR


# At 10 in 15 minutes a password outside the million easiest, which alone may be set, lasts for years (ASVS 6.3.1).
SIGN_IN_ACCOUNT = Budget("sign-in-account", 10)
SIGN_IN_ADDRESS = Budget("sign-in-address", 100)

# By account: a mailbox that someone else asks mail for gets a few, not a flood.
RESET_ACCOUNT = Budget("reset-account", 3)
RESET_ADDRESS = Budget("reset-address", 20)
REGISTER_ACCOUNT = Budget("register-account", 3)
REGISTER_ADDRESS = Budget("register-address", 20)

# By account: whoever found a signed-in browser does not guess the password there either.
STEP_UP = Budget("step-up", 10)
SECOND_FACTOR = Budget("second-factor", 10)
# By account, apps' codes alone: of a million three are good at a time, and at 30 guesses a day they last for decades
# (ASVS 6.6.3). Whom a stranger's guesses lock out has passkeys and recovery codes, which nobody guesses.
TOTP_DAY = Budget("totp-day", 30, 24 * 60 * 60)
ENROLMENT = Budget("enrolment", 20)
EMAIL_CHANGE = Budget("email-change", 5)

# By till and member, together: whoever has no good key locks nobody out of a till. At 30 guesses a day a PIN of six
# digits lasts for decades. By till: whoever has stolen one does not try everybody's PIN there either.
TILL_PIN = Budget("till-pin", 5)
TILL_DAY = Budget("till-day", 30, 24 * 60 * 60)
TILL = Budget("till", 60)

# By account: that a username is taken tells that somebody has it.
USERNAME = Budget("username", 20)

# By address: tokens from mails cannot be guessed, and trying costs.
TOKEN = Budget("token", 30)

# By account and by address, wrong codes alone: people mistype what they were told, and nobody tries them all.
DISCOUNT_CODE = Budget("discount-code", 30)
DISCOUNT_CODE_ADDRESS = Budget("discount-code-address", 100)

# By account: what a gateway says of a card is worth something to whoever has stolen many.
CARD = Budget("card", 60)

# By address: carts take room until they end.
CART = Budget("cart", 1000)

# By partner, all its keys together: ten requests a second, or one of the dearest.
PARTNER = Budget("partner", 600, seconds=60)

# A throttled request waits no longer than this for Redis (seconds), and then none asks it for the pause after.
PATIENCE = 0.5
PAUSE = 5.0

# Counters kept here while Redis is away: about 2 MB. When there are more, those that end first go.
MOST_COUNTERS = 10_000

T = TypeVar("T")
_REDIS_AWAY = (RedisError, OSError, TimeoutError)

# Takes a cost from each counter in turn, up to the first where it is not there. Answers which was the last, whether the
# cost was taken from it, what was, and for how many milliseconds it counts.
_TAKE = """
local cost, at, granted, spent, left = tonumber(ARGV[1]), 0, 1, 0, 0
while granted == 1 and at < #KEYS do
  at = at + 1
  local key, amount, window = KEYS[at], tonumber(ARGV[2 * at]), tonumber(ARGV[2 * at + 1])
  spent, granted = tonumber(redis.call('GET', key) or 0), 0
  if spent + cost <= amount then
    spent, granted = redis.call('INCRBY', key, cost), 1
  end
  left = redis.call('PTTL', key)
  if left < 0 then
    redis.call('PEXPIRE', key, window)
    left = window
  end
end
return {at, granted, spent, left}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a budget allows. `granted`: the cost was taken from it, else nothing was.

    `remaining` of `amount` is left until, in `seconds`, the next window of `window` seconds begins.
    """

    granted: bool
    amount: int
    window: int
    remaining: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Counter:
    """What is counted of a budget by one subject, for `window` seconds from the first on."""

    key: str
    amount: int
    window: int


class Throttle:
    """Budgets of attempts, kept as counters that live for a budget's window and are named by keyed hashes.

    A subject is an account's name as typed, or an address; its case and outer spaces do not count. It is hashed with
    the server's secret and never kept. `scale` multiplies every budget. With Redis away each process counts for itself
    and begins at none. `redis` stays its owner's to close.
    """

    def __init__(self, redis: Redis, secret: bytes, *, scale: float = 1.0) -> None:
        self._redis = redis
        self._script = redis.register_script(_TAKE)
        self._own = _OwnCounters()
        self._secret = secret
        self._scale = scale
        self._paused_until = 0.0

    async def hit(self, budget: Budget, *subjects: str) -> float | None:
        """Counts an attempt: None if it may be made, else how many seconds to wait before the next. Never raises."""
        return await self.hit_each((budget, subjects))

    async def hit_each(self, *attempts: tuple[Budget, Sequence[str]]) -> float | None:
        """As `hit`, by several budgets at once. What comes after one that is used up is not counted."""
        allowed = await self._take(1, [self._counter(budget, subjects) for budget, subjects in attempts])
        return None if allowed.granted else max(1.0, allowed.seconds)

    async def spend(self, budget: Budget, cost: int, *subjects: str) -> Allowance:
        """Takes the cost from the budget if all of it is there; at most the whole budget. Never raises."""
        counter = self._counter(budget, subjects)
        return await self._take(min(cost, counter.amount), [counter])

    async def give_back(self, budget: Budget, cost: int, *subjects: str) -> None:
        """Undoes what `spend` took, of something that turned out to cost less."""
        if cost:
            await self.spend(budget, -cost, *subjects)

    async def forget(self, budget: Budget, *subjects: str) -> None:
        """Begins anew, after an attempt that proved who it was: for an account's budget.

        Not for an address's: who has one account would go on trying others by signing in to it between.
        """
        counter = self._counter(budget, subjects)
        self._own.forget(counter)
        await self._asked(lambda: self._redis.delete(counter.key), lambda: None)

    async def _take(self, cost: int, counters: Sequence[_Counter]) -> Allowance:
        """Takes the cost from each in turn, up to the first where it is not there; what the last one allows."""

        async def shared() -> Allowance:
            bounds = (bound for counter in counters for bound in (counter.amount, 1000 * counter.window))
            at, granted, spent, left = await self._run([counter.key for counter in counters], [cost, *bounds])
            last = counters[at - 1]
            return Allowance(bool(granted), last.amount, last.window, last.amount - spent, left / 1000)

        return await self._asked(shared, lambda: self._own.take(cost, counters))

    async def _run(self, keys: list[str], arguments: list[int]) -> Any:
        try:  # what redis-py does by itself, for twice as long, by its Script
            return await self._redis.evalsha(self._script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self._script(keys=keys, args=arguments)

    async def _asked(self, shared: Callable[[], Awaitable[T]], own: Callable[[], T]) -> T:
        if time.monotonic() < self._paused_until:
            return own()
        try:
            async with asyncio.timeout(PATIENCE):
                return await shared()
        except _REDIS_AWAY:
            self._paused_until = time.monotonic() + PAUSE
            return own()

    def _counter(self, budget: Budget, subjects: Sequence[str]) -> _Counter:
        subject = "\n".join(one.strip().casefold() for one in subjects)
        name = keyed_hash(self._secret, f"throttle:{budget.name}", subject)
        amount = max(1, round(budget.amount * self._scale))
        return _Counter(f"throttle:{budget.name}:{name}", amount, budget.seconds)


class _OwnCounters:
    """The same windows in this process's memory, in bounds: who sends many names must not fill it."""

    def __init__(self) -> None:
        self._counters: dict[str, tuple[int, float]] = {}

    def take(self, cost: int, counters: Sequence[_Counter]) -> Allowance:
        for counter in counters[:-1]:
            allowed = self._take_one(cost, counter)
            if not allowed.granted:
                return allowed
        return self._take_one(cost, counters[-1])

    def _take_one(self, cost: int, counter: _Counter) -> Allowance:
        now = time.monotonic()
        spent, end = self._counters.get(counter.key, (0, 0.0))
        if now >= end:
            spent, end = 0, now + counter.window
        granted = spent + cost <= counter.amount
        if granted:
            self._make_room(now)
            spent += cost
            self._counters[counter.key] = (spent, end)
        return Allowance(granted, counter.amount, counter.window, counter.amount - spent, end - now)

    def forget(self, counter: _Counter) -> None:
        self._counters.pop(counter.key, None)

    def _make_room(self, now: float) -> None:
        if len(self._counters) < MOST_COUNTERS:
            return
        by_end = sorted(self._counters.items(), key=lambda counter: counter[1][1])
        self._counters = {key: counter for key, counter in by_end[MOST_COUNTERS // 10 :] if counter[1] > now}
