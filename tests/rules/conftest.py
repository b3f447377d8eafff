"""Passwords for tests of rules, hashed cheaply, and second factors in software."""

from collections.abc import Generator

import pytest
import pytest_asyncio

from auth import totp
from tests.support.authenticator import Browser
from tests.support.login_session import PASSWORD, CountingHasher
from tests.support.second_factor import SHOP, Clock


@pytest.fixture(scope="session")
def _hasher() -> Generator[CountingHasher]:
    hasher = CountingHasher()
    yield hasher
    hasher.close()


@pytest.fixture
def passwords(_hasher: CountingHasher) -> CountingHasher:
    """A hasher that has compared nothing yet."""
    _hasher.compared = 0
    return _hasher


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def password_hash(_hasher: CountingHasher) -> str:
    """What is kept of PASSWORD."""
    return await _hasher.hash(PASSWORD)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time step of authenticator apps, which stands still."""
    clock = Clock(60_000_000)
    monkeypatch.setattr(totp, "current_step", clock)
    return clock


@pytest.fixture
def browser() -> Browser:
    """A browser on the shop's pages, with an authenticator that has no passkey yet."""
    return Browser(SHOP.origin)
