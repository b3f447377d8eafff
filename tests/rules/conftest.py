"""Passwords for tests of rules, hashed cheaply."""

from collections.abc import Generator

import pytest
import pytest_asyncio

from tests.support.login_session import PASSWORD, CountingHasher


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
