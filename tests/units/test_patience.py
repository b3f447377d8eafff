import asyncio

import pytest

from app.http.patience import Patience


async def test_what_is_there_is_given_at_once():
    async def ready() -> str:
        return "body"

    assert await Patience(0.01).wait(ready()) == "body"


async def test_wait_that_is_too_long_is_ended():
    ended = False

    async def never() -> None:
        nonlocal ended
        try:
            await asyncio.sleep(60)
        finally:
            ended = True

    with pytest.raises(TimeoutError):
        await Patience(0.01).wait(never())
    assert ended
    await asyncio.sleep(0)  # the task itself is not cancelled


async def test_each_wait_has_its_own_end():
    patience = Patience(0.2)

    async def within(seconds: float) -> str:
        try:
            await patience.wait(asyncio.sleep(seconds))
        except TimeoutError:
            return "late"
        return "in time"

    assert await asyncio.gather(*map(within, (0.0, 60, 0.1, 60))) == ["in time", "late", "in time", "late"]


async def test_cancellation_from_outside_is_passed_on():
    waiting = asyncio.create_task(Patience(60).wait(asyncio.sleep(60)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_failure_inside_is_passed_on_and_leaves_no_timer_to_fire():
    patience = Patience(0.01)

    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await patience.wait(fail())
    await asyncio.sleep(0.4)
