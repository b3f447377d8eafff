import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator

import argon2
import pytest
import pytest_asyncio

from auth.passwords import Cost, PasswordHasher, Verdict, prepared
from auth.threads import NICENESS, Busy

CHEAP = Cost(memory_kib=64, passes=1)
WRONG, RIGHT, OUTDATED = Verdict(ok=False), Verdict(ok=True), Verdict(ok=True, needs_rehash=True)


@pytest_asyncio.fixture
async def hasher() -> AsyncGenerator[PasswordHasher]:
    opened = PasswordHasher(CHEAP)
    yield opened
    opened.close()


async def test_right_password_is_told_from_a_wrong_one(hasher: PasswordHasher):
    kept = await hasher.hash("Tulip-Garden-42")
    assert await hasher.verify(kept, "Tulip-Garden-42") == RIGHT
    assert await hasher.verify(kept, "Tulip-Garden-43") == WRONG


async def test_password_is_kept_as_argon2id_at_owasp_cost_p8():
    hasher = PasswordHasher()
    kept = await hasher.hash("Tulip-Garden-42")
    hasher.close()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "Tulip" not in kept


async def test_same_password_never_has_the_same_hash(hasher: PasswordHasher):
    assert await hasher.hash("Tulip-Garden-42") != await hasher.hash("Tulip-Garden-42")


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("Abcdef1", "abcdef1"),
        ("Abcdef1", "Abcdef1 "),
        (" Abcdef1", "Abcdef1"),
        ("a" * 72 + "b", "a" * 72 + "c"),
        ("a" * 1024, "a" * 1023),
        ("Abcdef1\0x", "Abcdef1\0y"),
        ("Abcdef²", "Abcdef2"),
        ("straße-7", "strasse-7"),
    ],
)
async def test_password_is_neither_folded_nor_trimmed_nor_cut_p54(hasher: PasswordHasher, chosen: str, typed: str):
    kept = await hasher.hash(chosen)
    assert await hasher.verify(kept, chosen) == RIGHT
    assert await hasher.verify(kept, typed) == WRONG


async def test_same_characters_typed_on_another_keyboard_are_the_same_password(hasher: PasswordHasher):
    kept = await hasher.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE}-42")
    assert await hasher.verify(kept, "cafe\N{COMBINING ACUTE ACCENT}-42") == RIGHT


async def test_password_without_account_is_wrong(hasher: PasswordHasher):
    assert await hasher.verify(None, "Tulip-Garden-42") == WRONG
    assert await hasher.verify(None, "") == WRONG


async def test_impossible_password_is_wrong(hasher: PasswordHasher):
    kept = await hasher.hash("a" * 1024)
    assert await hasher.verify(kept, "a" * 1025) == WRONG
    assert await hasher.verify(kept, "é" * 10**6) == WRONG
    assert await hasher.verify(kept, "\ud800") == WRONG


async def test_longer_password_than_may_be_set_is_not_hashed(hasher: PasswordHasher):
    with pytest.raises(ValueError, match="too long"):
        await hasher.hash("a" * 1025)


def test_length_is_that_of_the_octets_received():
    assert prepared("é" * 512) is not None
    assert prepared("é" * 513) is None


async def test_hash_of_another_cost_is_to_be_made_anew(hasher: PasswordHasher):
    dearer = PasswordHasher(Cost(memory_kib=128, passes=1))
    kept = await hasher.hash("Tulip-Garden-42")
    assert await dearer.verify(kept, "Tulip-Garden-42") == OUTDATED
    assert await dearer.verify(kept, "Tulip-Garden-43") == WRONG
    assert await dearer.verify(await dearer.hash("Tulip-Garden-42"), "Tulip-Garden-42") == RIGHT
    dearer.close()


async def test_damaged_hash_is_an_error_not_a_wrong_password(hasher: PasswordHasher):
    with pytest.raises(argon2.exceptions.InvalidHashError):
        await hasher.verify("damaged", "Tulip-Garden-42")


async def test_unknown_account_costs_the_same_work(hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch):
    done: list[tuple[argon2.Parameters, int]] = []

    def noted(argon: argon2.PasswordHasher, hash: str, password: bytes) -> bool:
        done.append((argon2.extract_parameters(hash), len(password)))
        return original(argon, hash, password)

    original = argon2.PasswordHasher.verify
    kept = await hasher.hash("Tulip-Garden-42")
    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    await hasher.verify(kept, "Tulip-Garden-43")
    await hasher.verify(None, "Tulip-Garden-43")
    await hasher.verify(kept, "a" * 2000)
    assert len(done) == 3
    assert done[0] == done[1]
    assert done[2][0] == done[0][0]


async def test_hashing_beyond_the_queue_is_refused_with_a_time_to_wait():
    hasher = PasswordHasher(CHEAP, queue=3)
    outcomes = await asyncio.gather(*(hasher.hash("Tulip-Garden-42") for _ in range(10)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Busy)]
    assert len(refused) == 6
    assert all(busy.retry_after > 0 for busy in refused)
    assert all(isinstance(outcome, str) for outcome in outcomes if outcome not in refused)
    assert await hasher.hash("Tulip-Garden-42")
    hasher.close()


async def test_given_up_requests_leave_the_queue():
    hasher = PasswordHasher(CHEAP, queue=3)
    for _ in range(5):
        waiting = [asyncio.create_task(hasher.hash("Tulip-Garden-42")) for _ in range(4)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert await hasher.hash("Tulip-Garden-42")
    hasher.close()


async def test_one_password_is_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch):
    at_once = most_at_once = 0
    lock = threading.Lock()

    def slow(*_: object) -> str:
        nonlocal at_once, most_at_once
        with lock:
            at_once += 1
            most_at_once = max(most_at_once, at_once)
        time.sleep(0.002)
        with lock:
            at_once -= 1
        return "hash"

    monkeypatch.setattr(argon2.PasswordHasher, "hash", slow)
    for threads in (1, 2):
        most_at_once = 0
        hasher = PasswordHasher(CHEAP, threads=threads)
        await asyncio.gather(*(hasher.hash("Tulip-Garden-42") for _ in range(12)))
        hasher.close()
        assert most_at_once == threads


def test_more_than_two_threads_are_refused():
    with pytest.raises(ValueError, match="one or two"):
        PasswordHasher(threads=3)


async def test_event_loop_goes_on_while_a_password_is_hashed():
    hasher = PasswordHasher()
    hashing = asyncio.create_task(hasher.hash("Tulip-Garden-42"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    hasher.close()
    assert turns > 50


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
async def test_hashing_gives_way_to_requests(hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch):
    def niceness(*_: object) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    monkeypatch.setattr(argon2.PasswordHasher, "hash", niceness)
    assert await hasher.hash("Tulip-Garden-42") == max(NICENESS, before)
    assert niceness() == before
