import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

import auth.throttle
from app.connections import redis_client
from app.embedded.home import Home
from app.embedded.valkey import ValkeyServer
from auth.throttle import Budget, Throttle

SECRET = b"a secret of the tests, 32 or longer"
THREE = Budget("three", 3, 60)
BRIEF = Budget("brief", 1, 1)
JANE = "jane@example.com"


@pytest_asyncio.fixture
async def throttle(redis: Redis) -> Throttle:
    return Throttle(redis, SECRET)


@pytest.fixture
def valkey() -> Generator[ValkeyServer]:
    """A Valkey of this test alone, to be stopped and started."""
    with tempfile.TemporaryDirectory(prefix="layette-throttle-") as folder:
        home = Home(Path(folder))
        home.make()
        server = ValkeyServer(home, durable=False)
        server.start()
        yield server
        server.stop()


@pytest_asyncio.fixture
async def own_redis(valkey: ValkeyServer) -> AsyncGenerator[Redis]:
    client = redis_client(valkey.home.redis_url)
    yield client
    await client.aclose()


async def attempts(throttle: Throttle, budget: Budget, *subjects: str, most: int = 50) -> int:
    """How many attempts are let through."""
    for made in range(most):
        if await throttle.hit(budget, *subjects) is not None:
            return made
    return most


async def test_budget_of_attempts_is_let_through_and_no_more(throttle: Throttle):
    assert await attempts(throttle, THREE, JANE) == 3


async def test_refused_attempt_says_how_long_to_wait(throttle: Throttle):
    await attempts(throttle, THREE, JANE)
    wait = await throttle.hit(THREE, JANE)
    assert wait is not None
    assert 50 < wait <= 60


async def test_attempts_after_refusal_do_not_prolong_it(throttle: Throttle):
    assert await throttle.hit(BRIEF, JANE) is None
    for _ in range(5):
        assert await throttle.hit(BRIEF, JANE) is not None
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.8)
    assert await throttle.hit(BRIEF, JANE) is None


async def test_budgets_and_subjects_are_counted_apart(throttle: Throttle):
    await attempts(throttle, THREE, JANE)
    assert await throttle.hit(THREE, "john@example.com") is None
    assert await throttle.hit(THREE, JANE, "203.0.113.7") is None
    assert await throttle.hit(Budget("other", 3, 60), JANE) is None


async def test_writing_a_name_otherwise_gives_no_further_attempts(throttle: Throttle):
    await attempts(throttle, THREE, JANE)
    assert await throttle.hit(THREE, " Jane@Example.COM ") is not None


async def test_attempts_made_at_once_are_all_counted(throttle: Throttle):
    waits = await asyncio.gather(*(throttle.hit(THREE, JANE) for _ in range(20)))
    assert waits.count(None) == 3


async def test_processes_count_together(redis: Redis):
    assert await attempts(Throttle(redis, SECRET), THREE, JANE) == 3
    assert await attempts(Throttle(redis, SECRET), THREE, JANE) == 0


async def test_proof_of_identity_begins_anew(throttle: Throttle):
    await attempts(throttle, THREE, JANE)
    await attempts(throttle, THREE, "john@example.com")
    await throttle.forget(THREE, JANE)
    assert await attempts(throttle, THREE, JANE) == 3
    assert await throttle.hit(THREE, "john@example.com") is not None


@pytest.mark.parametrize(("scale", "allowed"), [(4, 12), (0.5, 2), (0.001, 1)])
async def test_scale_multiplies_budgets(redis: Redis, scale: float, allowed: int):
    assert await attempts(Throttle(redis, SECRET, scale=scale), THREE, JANE) == allowed


async def test_counters_are_named_by_keyed_hashes_and_live_as_long_as_the_window(throttle: Throttle, redis: Redis):
    await throttle.hit(THREE, JANE, "203.0.113.7")
    (key,) = await redis.keys()
    assert "jane" not in str(key).lower()
    assert "203.0.113" not in str(key)
    assert 50 < await redis.ttl(key) <= 60
    await Throttle(redis, SECRET[::-1]).hit(THREE, JANE, "203.0.113.7")
    assert len(await redis.keys()) == 2


def test_counters_live_for_minutes():
    budgets = [value for value in vars(auth.throttle).values() if isinstance(value, Budget)]
    assert len({budget.name for budget in budgets}) == len(budgets) > 9
    # By the day an account's key alone is counted, never an address or what somebody typed.
    assert {budget.name for budget in budgets if budget.seconds > 15 * 60} == {"totp-day", "till-day"}


async def test_costs_are_taken_from_a_budget_until_it_is_used_up(throttle: Throttle):
    first = await throttle.spend(THREE, 2, JANE)
    assert (first.granted, first.amount, first.window, first.remaining) == (True, 3, 60, 1)
    assert 59 < first.seconds <= 60
    dear = await throttle.spend(THREE, 2, JANE)
    assert (dear.granted, dear.remaining) == (False, 1)
    assert (await throttle.spend(THREE, 1, JANE)).granted
    refused = await throttle.spend(THREE, 1, JANE)
    assert (refused.granted, refused.remaining) == (False, 0)
    assert 50 < refused.seconds <= first.seconds
    assert (await throttle.spend(THREE, 3, "john@example.com")).granted


async def test_what_costs_more_than_a_budget_costs_all_of_it(throttle: Throttle):
    assert (await throttle.spend(THREE, 1, JANE)).granted
    assert not (await throttle.spend(THREE, 9, JANE)).granted
    whole = await throttle.spend(THREE, 9, "john@example.com")
    assert (whole.granted, whole.remaining) == (True, 0)


async def test_costs_taken_at_once_never_exceed_the_budget(throttle: Throttle):
    taken = await asyncio.gather(*(throttle.spend(Budget("ten", 10, 60), 3, JANE) for _ in range(20)))
    assert [one.granted for one in taken].count(True) == 3
    assert {one.remaining for one in taken if not one.granted} == {1}


async def test_spent_budget_is_whole_again_in_the_next_window(throttle: Throttle):
    assert (await throttle.spend(BRIEF, 1, JANE)).granted
    assert not (await throttle.spend(BRIEF, 1, JANE)).granted
    await asyncio.sleep(1.05)
    assert (await throttle.spend(BRIEF, 1, JANE)).granted


async def test_spending_is_counted_by_keyed_hashes_that_live_as_long_as_the_window(throttle: Throttle, redis: Redis):
    await throttle.spend(THREE, 1, JANE)
    (key,) = await redis.keys()
    assert "jane" not in str(key).lower()
    assert 50 < await redis.ttl(key) <= 60


async def test_costs_are_limited_while_redis_is_away(valkey: ValkeyServer, own_redis: Redis):
    throttle = Throttle(own_redis, SECRET)
    assert (await throttle.spend(THREE, 1, JANE)).remaining == 2
    valkey.stop()
    own = [await throttle.spend(THREE, 2, JANE) for _ in range(2)]
    assert [(one.granted, one.remaining) for one in own] == [(True, 1), (False, 1)]
    assert all(50 < one.seconds <= 60 for one in own)
    assert (own[0].amount, own[0].window) == (3, 60)


async def test_flushed_redis_begins_anew_without_an_error(throttle: Throttle, redis: Redis):
    await attempts(throttle, THREE, JANE)
    await redis.flushall()
    await redis.script_flush()
    assert await attempts(throttle, THREE, JANE) == 3
    assert (await throttle.spend(THREE, 3, JANE)).granted


async def test_attempts_are_limited_while_redis_is_away(valkey: ValkeyServer, own_redis: Redis):
    throttle = Throttle(own_redis, SECRET)
    assert await throttle.hit(THREE, JANE) is None
    valkey.stop()
    assert await attempts(throttle, THREE, JANE) == 3
    wait = await throttle.hit(THREE, JANE)
    assert wait is not None
    assert 50 < wait <= 60
    assert await throttle.hit(THREE, "john@example.com") is None
    await throttle.forget(THREE, JANE)
    assert await throttle.hit(THREE, JANE) is None


async def test_redis_is_asked_again_when_it_is_back(
    valkey: ValkeyServer, own_redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("auth.throttle.PAUSE", 0.01)
    throttle = Throttle(own_redis, SECRET)
    await throttle.hit(THREE, JANE)
    valkey.stop()
    await throttle.hit(THREE, JANE)
    valkey.start()
    await asyncio.sleep(0.02)
    assert await attempts(throttle, THREE, JANE) == 3
    assert len(await own_redis.keys()) == 1


async def test_redis_that_is_away_is_not_asked_at_every_attempt(valkey: ValkeyServer, own_redis: Redis):
    throttle = Throttle(own_redis, SECRET)
    valkey.stop()
    await throttle.hit(THREE, JANE)
    valkey.start()
    await throttle.hit(THREE, JANE)
    assert await own_redis.keys() == []


async def test_redis_that_hangs_holds_up_one_attempt_for_half_a_second(throttle: Throttle, redis: Redis):
    await throttle.hit(THREE, JANE)
    await redis.client_pause(1500)
    begun = time.monotonic()
    assert await attempts(throttle, THREE, JANE) == 3
    assert time.monotonic() - begun < 1
    await redis.client_unpause()
    assert await redis.ping()


async def test_own_counters_end_with_their_window(valkey: ValkeyServer, own_redis: Redis):
    throttle = Throttle(own_redis, SECRET)
    valkey.stop()
    assert await attempts(throttle, BRIEF, JANE) == 1
    await asyncio.sleep(1.05)
    assert await attempts(throttle, BRIEF, JANE) == 1


async def test_own_counters_are_bounded(valkey: ValkeyServer, own_redis: Redis, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("auth.throttle.MOST_COUNTERS", 100)
    throttle = Throttle(own_redis, SECRET)
    valkey.stop()
    for number in range(1000):
        await throttle.hit(THREE, f"{number}@example.com")
    assert len(throttle._own._counters) <= 100
    assert await attempts(throttle, THREE, "999@example.com") == 2
