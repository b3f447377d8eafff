"""How often something may be tried: counted in Redis for all processes together, here while Redis is away.

Attempts are counted whether or not there is such an account, so that a refusal tells nothing. Beside each budget stands
whom it is counted by. An account is named by what was typed (email or username), not by what was found for it. An
address is the caller's, as `auth.networks.throttled_as` counts it: homes, offices and phone networks share one, so its
budgets are wide, and slow down who tries many accounts. Ask for the address first: who is refused there should not use
up what an account's owner needs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

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

_SPEND = """
local cost, amount, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local spent, granted = tonumber(redis.call('GET', KEYS[1]) or 0), 0
if spent + cost <= amount then
  spent, granted = redis.call('INCRBY', KEYS[1], cost), 1
end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], window)
  left = window
end
return {granted, spent, left}
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


class Throttle:
    """Budgets of attempts, kept as counters that live for a budget's window and are named by keyed hashes.

    A subject is an account's name as typed, or an address; its case and outer spaces do not count. It is hashed with
    the server's secret and never kept. `scale` multiplies every budget. With Redis away each process counts for itself
    and begins at none. `redis` stays its owner's to close.
    """

    def __init__(self, redis: Redis, secret: bytes, *, scale: float = 1.0) -> None:
        # The pool says where Redis is, so that the URL need not.
        shared_pool: dict[str, Any] = {"connection_pool": redis.connection_pool}
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix="throttle", **shared_pool)
        self._shared = FixedWindowRateLimiter(storage)
        self._spend = redis.register_script(_SPEND)
        self._own = _OwnCounters()
        self._secret = secret
        self._scale = scale
        self._paused_until = 0.0

    async def hit(self, budget: Budget, *subjects: str) -> float | None:
        """Counts an attempt: None if it may be made, else how many seconds to wait before the next. Never raises."""
        item, name = self._item(budget), self._name(budget, subjects)

        async def shared() -> float | None:
            return None if await self._shared.hit(item, name) else await self._wait(item, name)

        return await self._asked(shared, lambda: self._own.hit(item, name))

    async def spend(self, budget: Budget, cost: int, *subjects: str) -> Allowance:
        """Takes the cost from the budget if all of it is there; at most the whole budget. Never raises."""
        item, name = self._item(budget), self._name(budget, subjects)
        cost, key = min(cost, item.amount), f"throttle:spent:{budget.name}:{name}"

        async def shared() -> Allowance:
            arguments = [cost, item.amount, 1000 * budget.seconds]
            granted, spent, left = await self._spend(keys=[key], args=arguments)
            return Allowance(bool(granted), item.amount, budget.seconds, item.amount - spent, left / 1000)

        return await self._asked(shared, lambda: self._own.spend(item, name, cost))

    async def give_back(self, budget: Budget, cost: int, *subjects: str) -> None:
        """Undoes what `spend` took, of something that turned out to cost less."""
        if cost:
            await self.spend(budget, -cost, *subjects)

    async def forget(self, budget: Budget, *subjects: str) -> None:
        """Begins anew, after an attempt that proved who it was: for an account's budget.

        Not for an address's: who has one account would go on trying others by signing in to it between.
        """
        item, name = self._item(budget), self._name(budget, subjects)
        self._own.forget(item, name)
        await self._asked(lambda: self._shared.clear(item, name), lambda: None)

    async def _asked(self, shared: Callable[[], Awaitable[T]], own: Callable[[], T]) -> T:
        if time.monotonic() < self._paused_until:
            return own()
        try:
            async with asyncio.timeout(PATIENCE):
                return await shared()
        except _REDIS_AWAY:
            self._paused_until = time.monotonic() + PAUSE
            return own()

    async def _wait(self, item: RateLimitItem, name: str) -> float:
        window = await self._shared.get_window_stats(item, name)
        return max(1.0, window.reset_time - time.time())

    def _item(self, budget: Budget) -> RateLimitItem:
        return RateLimitItemPerSecond(max(1, round(budget.amount * self._scale)), budget.seconds, budget.name)

    def _name(self, budget: Budget, subjects: tuple[str, ...]) -> str:
        return keyed_hash(self._secret, f"throttle:{budget.name}", "\n".join(s.strip().casefold() for s in subjects))


class _OwnCounters:
    """The same windows in this process's memory, in bounds: who sends many names must not fill it."""

    def __init__(self) -> None:
        self._counters: dict[str, tuple[int, float]] = {}

    def hit(self, item: RateLimitItem, name: str) -> float | None:
        key, now = item.key_for(name), time.monotonic()
        count, end = self._counter(key, item, now)
        if count >= item.amount:
            return max(1.0, end - now)
        self._make_room(now)
        self._counters[key] = (count + 1, end)
        return None

    def spend(self, item: RateLimitItem, name: str, cost: int) -> Allowance:
        key, now = item.key_for(name), time.monotonic()
        count, end = self._counter(key, item, now)
        granted = count + cost <= item.amount
        if granted:
            self._make_room(now)
            count += cost
            self._counters[key] = (count, end)
        return Allowance(granted, item.amount, item.get_expiry(), item.amount - count, end - now)

    def forget(self, item: RateLimitItem, name: str) -> None:
        self._counters.pop(item.key_for(name), None)

    def _counter(self, key: str, item: RateLimitItem, now: float) -> tuple[int, float]:
        count, end = self._counters.get(key, (0, 0.0))
        return (count, end) if now < end else (0, now + item.get_expiry())

    def _make_room(self, now: float) -> None:
        if len(self._counters) < MOST_COUNTERS:
            return
        by_end = sorted(self._counters.items(), key=lambda counter: counter[1][1])
        self._counters = {key: counter for key, counter in by_end[MOST_COUNTERS // 10 :] if counter[1] > now}
