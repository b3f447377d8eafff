"""What happens while somebody signs in, and many signing in at once (P55; ASVS 15.4.2)."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.passwords import Verdict
from auth.sessions import Issued
from commerce import login_session
from commerce.login_session import SignIn
from models.account import Account, AccountEventKind, Credential
from models.database import Database
from tests.support.database import RolledBackDatabase
from tests.support.login_session import (
    LAPTOP,
    PASSWORD,
    CountingHasher,
    Meanwhile,
    account_with,
    email_of,
    entered,
    events,
    viewer_of,
    who_has,
)

Kind = AccountEventKind
FAILED, SIGNED_IN, NEW_DEVICE = Kind.SIGN_IN_FAILED, Kind.SIGNED_IN, Kind.NEW_DEVICE
NEW_PASSWORD = "eight spotted socks in a box"


@pytest.fixture
async def owner(database: RolledBackDatabase, password_hash: str) -> UUID:
    return await account_with(database.connection, password_hash)


# ---- what happens meanwhile


async def test_password_changed_meanwhile_does_not_open_a_session(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID
):
    changed = update(Credential).values(password_hash=await passwords.hash(NEW_PASSWORD))
    hasher = Meanwhile(lambda: database.transact(lambda transaction: transaction.execute(changed)))
    outcome = await login_session.sign_in(database, hasher, LAPTOP, SignIn(email_of(owner), PASSWORD))
    hasher.close()
    assert outcome == login_session.WRONG
    assert await events(database.connection, owner) == [FAILED]


async def test_account_disabled_meanwhile_does_not_open_a_session(database: RolledBackDatabase, owner: UUID):
    disabled = update(Account).values(disabled_at=func.now())
    hasher = Meanwhile(lambda: database.transact(lambda transaction: transaction.execute(disabled)))
    outcome = await login_session.sign_in(database, hasher, LAPTOP, SignIn(email_of(owner), PASSWORD))
    hasher.close()
    assert outcome == login_session.WRONG


async def test_fifty_sign_ins_at_once_are_fifty_sessions(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
    found = await asyncio.gather(*(entered(committed_database, passwords, email_of(owner)) for _ in range(50)))
    assert len({issued.token for issued in found}) == 50
    assert [(await viewer_of(committed_database, issued.digest)).account_id for issued in found] == [owner] * 50
    kinds = await committed_database.transact(lambda transaction: events(transaction, owner))
    assert sorted(kinds) == sorted([SIGNED_IN] * 50 + [NEW_DEVICE])


async def test_every_session_ends_once_when_all_are_revoked_at_once(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
    found = await asyncio.gather(*(entered(committed_database, passwords, email_of(owner)) for _ in range(20)))
    counts = await asyncio.gather(
        *(committed_database.transact(lambda transaction: sessions.revoke_all(transaction, owner)) for _ in range(20))
    )
    assert sorted(counts) == [0] * 19 + [20]
    assert [await who_has(committed_database, issued.digest) for issued in found] == [None] * 20


class Racing(CountingHasher):
    """Lets five passwords pass at once, thirty when `begun` is set, and the others when `done` is."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.done = asyncio.Event(), asyncio.Event()
        self._passed = 0

    async def verify(self, hash: str | None, password: str) -> Verdict:
        verdict = await super().verify(hash, password)
        self._passed += 1
        if self._passed > 35:
            await self.done.wait()
        elif self._passed > 5:
            await self.begun.wait()
        return verdict


async def test_no_session_outlives_the_password_it_was_opened_with(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    """Sign-ins race a change of password, which revokes all sessions: who gets in before it is revoked by it."""
    new_hash = await passwords.hash(NEW_PASSWORD)
    owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
    racing, given = Racing(), SignIn(email_of(owner), PASSWORD)

    async def change_password(transaction: AsyncConnection) -> None:
        await sessions.revoke_all(transaction, owner)
        changed = update(Credential).where(Credential.account_id == owner)
        await transaction.execute(changed.values(password_hash=new_hash))

    async def enter() -> object:
        return await login_session.sign_in(committed_database, racing, LAPTOP, given)

    sign_ins = [asyncio.create_task(enter()) for _ in range(40)]
    await asyncio.wait(sign_ins, return_when=asyncio.FIRST_COMPLETED)
    racing.begun.set()
    await committed_database.transact(change_password)
    racing.done.set()
    found = [outcome for outcome in await asyncio.gather(*sign_ins) if isinstance(outcome, Issued)]
    racing.close()
    assert 1 <= len(found) <= 35
    assert [await who_has(committed_database, issued.digest) for issued in found] == [None] * len(found)


async def test_revocation_holds_on_every_worker_from_the_next_statement_on(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    elsewhere = Database(committed_database.url)
    try:
        owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
        for _ in range(10):
            issued = await entered(committed_database, passwords, email_of(owner))
            assert await who_has(elsewhere, issued.digest) is not None
            await committed_database.transact(lambda transaction: sessions.revoke_all(transaction, owner))
            assert await who_has(elsewhere, issued.digest) is None
    finally:
        await elsewhere.close()
