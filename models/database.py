"""The way to PostgreSQL: transactions for writes, raw asyncpg connections for compiled reads."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from models.statement import Row, connection_of

T = TypeVar("T")
Transaction = AsyncConnection
Change = tuple[str, UUID]
"""A kind of thing, and the key of the one that a transaction has changed."""

RETRIED = {"40001", "40P01"}
ATTEMPTS = 8

# From which likeness on a word may be the one that was meant, though more than one letter is wrong: what is written
# halfway or by ear has it (`cardi` and `cardigan` 0.5, `jaket` and `jacket` 0.44), few that merely begin alike have
# (`robe` and `robin` 0.375, `coat` and `cotton` 0.2). One wrong letter of a short word leaves too little alike (`drss`
# and `dress` 0.375, `shrit` and `shirt` 0.2), and is recognised otherwise (`models.catalogue.SearchWord`).
SEARCHING = {"pg_trgm.strict_word_similarity_threshold": "0.38"}

READING_TIMEOUT = "10s"
"""No document that the limits admit takes so long: PostgreSQL gives up the statement, and the caller hears of it."""

# With a LIMIT parameter PostgreSQL would plan a compiled read anew at each call. Data is in memory or on flash: by the
# usual cost of a random page it would sort what an index has in order. To merge a session with its account it would
# read accounts in order up to that one, believing that they are few.
READING = {
    "plan_cache_mode": "force_generic_plan",
    "random_page_cost": "1.1",
    "enable_mergejoin": "off",
    "jit": "off",
    "statement_timeout": READING_TIMEOUT,
    "application_name": "layette-read",
    **SEARCHING,
}

# A statement over lists that may be empty would be planned anew at each call, which takes longer than doing it. Its
# conditions that a partial index covers have to be constants. A plan of when a table was small is kept while it grows.
WRITING = {
    "plan_cache_mode": "force_generic_plan",
    "random_page_cost": "1.1",
    "jit": "off",
    "application_name": "layette",
    **SEARCHING,
}

# A large document's statement is longer than asyncpg keeps by itself (15 KiB), and would be planned at each request; so
# would every statement after the five minutes that it lives. PostgreSQL keeps a plan for each on each connection.
KEPT_STATEMENTS = {"statement_cache_size": 128, "max_cacheable_statement_size": 0, "max_cached_statement_lifetime": 0}


def sqlalchemy_url(url: str) -> URL:
    """The address of the database in SQLAlchemy's form, over asyncpg."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def asyncpg_arguments(url: str) -> dict[str, Any]:
    """The address of the database in asyncpg's form; `?host=/folder` names a unix socket."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname])[0]
    return {
        "host": host,
        "port": parts.port or 5432,
        "user": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "database": unquote(parts.path.lstrip("/")) or None,
    }


class DatabaseAway(ConnectionError):
    """PostgreSQL is not reached, goes away, or takes too long; trying again later may help."""


class Overtaken(Exception):
    """What was to be done at once met what others do: it is to be done in turn, in a transaction that locks."""


_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
)

# What asyncpg says on a connection of which PostgreSQL has said that it ends, before the end itself has come.
_HUNG_UP = ("another operation (2) is in progress", 'protocol is in the "failed" state', "not connected")


@contextmanager
def _told_when_away() -> Generator[None]:
    """Raises DatabaseAway for the many ways in which drivers say so."""
    try:
        yield
    except Exception as error:
        if _says_away(error):
            raise DatabaseAway from error
        raise


def _says_away(error: Exception) -> bool:
    match error:
        case asyncpg.InterfaceError():
            return "connection is closed" in str(error) or "connection was closed" in str(error)
        case asyncpg.InternalClientError():
            return any(words in str(error) for words in _HUNG_UP)
        case DBAPIError():
            return error.connection_invalidated or isinstance(getattr(error.orig, "__cause__", None), _AWAY)
    return isinstance(error, _AWAY)


class ReadPool:
    """At most `size` asyncpg connections, the warmest first, so that prepared plans are reused."""

    def __init__(self, url: str, size: int, settings: dict[str, str] | None = None) -> None:
        self._arguments = asyncpg_arguments(url)
        self._settings = READING if settings is None else settings
        self._idle: list[asyncpg.Connection] = []
        self._free = asyncio.Semaphore(size)
        self._closed = False

    @property
    def is_busy(self) -> bool:
        """Whether who asks for a connection has to wait."""
        return self._free.locked()

    async def acquire(self) -> asyncpg.Connection:
        await self._free.acquire()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            with _told_when_away():
                return await asyncpg.connect(
                    **self._arguments, server_settings=self._settings, timeout=10, **KEPT_STATEMENTS
                )
        except BaseException:
            self._free.release()
            raise

    def release(self, connection: asyncpg.Connection) -> None:
        if self._closed or connection.is_closed():
            connection.terminate()
        else:
            self._idle.append(connection)
        self._free.release()

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await self._idle.pop().close(timeout=5)


@dataclass(frozen=True, slots=True)
class Writer:
    """A connection of SQLAlchemy that stays open, and asyncpg's own below it."""

    connection: AsyncConnection
    raw: asyncpg.Connection

    @property
    def is_idle(self) -> bool:
        """Whether it can be used again."""
        return not (self.connection.invalidated or self.raw.is_closed() or self.raw.is_in_transaction())

    async def begin(self) -> None:
        await self.raw.execute("BEGIN")

    async def commit(self) -> None:
        await self.forget()
        if await self.raw.execute("COMMIT") != "COMMIT":
            raise RuntimeError("one of its statements had failed, so that the transaction was rolled back")

    async def roll_back(self) -> None:
        """Ends the transaction; a connection that cannot even do that ends too."""
        try:
            await self.forget()
            await self.raw.execute("ROLLBACK")
        except Exception:  # noqa: BLE001  # what brought it here is told
            self.raw.terminate()

    async def end(self) -> None:
        """Ends the connection at once; what goes on on it is not waited for."""
        self.raw.terminate()
        with suppress(Exception):
            await self.connection.close()

    async def forget(self) -> None:
        """Ends what SQLAlchemy takes for a transaction: it begins one of its own accord, but tells the server none."""
        if self.connection.in_transaction():
            await self.connection.rollback()


class WritePool:
    """At most `size` connections, the warmest first.

    Transactions are begun and ended on asyncpg's own connection, which statements that are compiled once use too
    (`models.statement`): to SQLAlchemy each of its statements is committed by itself.
    """

    def __init__(self, url: str, size: int) -> None:
        self.engine = create_async_engine(
            sqlalchemy_url(url),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={"server_settings": WRITING, "timeout": 10, "record_class": Row, **KEPT_STATEMENTS},
        )
        self._idle: list[Writer] = []
        self._free = asyncio.Semaphore(size)
        self._closed = False

    async def acquire(self) -> Writer:
        await self._free.acquire()
        try:
            while self._idle:
                writer = self._idle.pop()
                if writer.is_idle:
                    return writer
                await writer.end()
            connection = await self.engine.connect()
            return Writer(connection, connection_of(connection))
        except BaseException:
            self._free.release()
            raise

    async def release(self, writer: Writer) -> None:
        try:
            if self._closed or not writer.is_idle:
                await writer.end()
            else:
                self._idle.append(writer)
        finally:
            self._free.release()

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await self._idle.pop().connection.close()
        await self.engine.dispose()


_CHANGES = "layette.changes"


def note_change(transaction: AsyncConnection, kind: str, key: UUID) -> None:
    """Notes for `Database.on_change` what a transaction changes."""
    transaction.info.setdefault(_CHANGES, set()).add((kind, key))


class Database:
    """One PostgreSQL database: `transact` for writes, `reading` for compiled statements.

    `on_change` is told after each commit what the transaction noted by `note_change`; it may not fail.
    """

    def __init__(self, url: str, *, readers: int = 8, writers: int = 16) -> None:
        self.url = url
        self.on_change: Callable[[Collection[Change]], None] = lambda changes: None
        self.writers = WritePool(url, writers)
        self._readers = ReadPool(url, readers)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Runs `work` in one transaction and commits; repeats all of it when PostgreSQL asks (40001, 40P01).

        Raises DatabaseAway: where that was at the commit, it may have been done.
        """
        for attempt in range(ATTEMPTS):
            try:
                async with self.begun() as transaction:
                    outcome = await work(transaction)
                    changes = transaction.info.pop(_CHANGES, ())
            except (DBAPIError, asyncpg.PostgresError) as error:
                if sqlstate(error) not in RETRIED or attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311  # a pause, no secret
                continue
            if changes:
                self.on_change(changes)
            return outcome
        raise AssertionError("unreachable")

    async def at_once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Runs `work`, each of whose statements is a transaction of its own, and tells what it noted.

        Nothing is repeated: raises Overtaken where PostgreSQL asks for that.
        """
        with _told_when_away():
            writer = await self.writers.acquire()
            try:
                writer.connection.info.pop(_CHANGES, None)
                outcome = await work(writer.connection)
                changes = writer.connection.info.pop(_CHANGES, ())
                await writer.forget()
            except BaseException as error:
                if not isinstance(error, Exception) or _says_away(error):
                    await writer.end()
                else:
                    await writer.forget()
                if sqlstate(error) in RETRIED:
                    raise Overtaken from error
                raise
            finally:
                await self.writers.release(writer)
        if changes:
            self.on_change(changes)
        return outcome

    @asynccontextmanager
    async def begun(self) -> AsyncGenerator[Transaction]:
        """One transaction, tried once: `transact` is for work that PostgreSQL may ask to repeat."""
        with _told_when_away():
            writer = await self.writers.acquire()
            try:
                writer.connection.info.pop(_CHANGES, None)  # of one that was rolled back on this connection
                await writer.begin()
                yield writer.connection
                await writer.commit()
            except Exception:
                await writer.roll_back()
                raise
            except BaseException:
                await writer.end()
                raise
            finally:
                await self.writers.release(writer)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[asyncpg.Connection]:
        """A raw connection for statements that read.

        One that is left in the middle of something is closed: what is cancelled may just have begun a transaction.
        """
        connection = await self._readers.acquire()
        try:
            with _told_when_away():
                yield connection
        except BaseException as error:
            unusable = isinstance(error, DatabaseAway) or not isinstance(error, Exception)
            if unusable or connection.is_in_transaction():
                connection.terminate()
            raise
        finally:
            self._readers.release(connection)

    @property
    def is_busy(self) -> bool:
        """Whether a reader has to wait for a connection."""
        return self._readers.is_busy

    async def read_row(self, sql: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row of a statement that only reads: what `reading` is for, for less."""
        connection = await self._readers.acquire()
        try:
            return await connection.fetchrow(sql, *arguments)
        except Exception as error:
            if not _says_away(error):
                raise
            connection.terminate()
            raise DatabaseAway from error
        finally:
            self._readers.release(connection)

    async def close(self) -> None:
        await self._readers.close()
        await self.writers.close()


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a database error, SQLAlchemy's or asyncpg's."""
    return getattr(getattr(error, "orig", error), "sqlstate", None)


def violated(error: BaseException) -> str | None:
    """The name of the constraint that refused a write, or None for any other error."""
    cause = getattr(getattr(error, "orig", None), "__cause__", error)
    return getattr(cause, "constraint_name", None)
