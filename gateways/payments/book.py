"""The local gateway's book: a file outside the shop's database, as a real gateway's books are.

One thread of each process has it open. What is asked of it at the same time is written and synced to disk together;
what `do` has answered outlives a kill -9 and a power cut. Processes take turns.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from gateways.payments import GatewayTimeout

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

MOST_AT_ONCE = 64
PATIENCE = 10.0
"""Seconds that a process waits for another to end its turn."""

TABLES = """
CREATE TABLE IF NOT EXISTS charge (
  number INTEGER PRIMARY KEY,
  charge_id TEXT NOT NULL UNIQUE,
  order_id TEXT,
  token TEXT NOT NULL,
  behaves_as TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  captured INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
  refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
  outcome TEXT,
  outcome_at REAL,
  secret TEXT,
  made_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS charge_undecided ON charge (outcome_at) WHERE outcome IS NOT NULL;
CREATE TABLE IF NOT EXISTS refund (
  refund_id TEXT NOT NULL PRIMARY KEY, charge_id TEXT NOT NULL, amount INTEGER NOT NULL, status TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS card (
  token TEXT NOT NULL PRIMARY KEY, behaves_as TEXT NOT NULL, secret TEXT
);
CREATE TABLE IF NOT EXISTS webhook (
  number INTEGER PRIMARY KEY, event_key TEXT NOT NULL, kind TEXT NOT NULL, charge_id TEXT NOT NULL, due_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS webhook_due ON webhook (due_at);
"""


class Book:
    """Opened when it is first asked for something. `durable=False` is for tests: a power cut loses what was written."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder
        self._synchronous = "FULL" if durable else "OFF"
        self._waiting: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.closed = False

    async def do(self, work: Work[T]) -> T:
        """What `work` answers, once all that it did is on disk; nothing of it is if it raises.

        Raises what `work` raises, and GatewayTimeout where the file cannot be read or written.
        """
        if self.closed:
            raise GatewayTimeout("the book is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="local-gateway", daemon=True)
            self._thread.start()
        answer: Future[T] = Future()
        self._waiting.put((work, answer))
        return await asyncio.wrap_future(answer)

    async def close(self) -> None:
        """Ends what was begun."""
        self.closed = True
        if self._thread is not None:
            self._waiting.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while batch := self._next_batch():
                try:
                    connection = connection or self._open()
                    _do_all(connection, batch)
                except Exception as error:  # noqa: BLE001 whoever waits is told, and the thread lives on
                    for _, answer in batch:
                        if not answer.done():
                            answer.set_exception(GatewayTimeout(type(error).__name__))
        finally:
            if connection is not None:
                connection.close()

    def _next_batch(self) -> list[tuple[Work[Any], Future[Any]]]:
        """What waits, at least one piece of it; empty when there will be no more."""
        batch: list[tuple[Work[Any], Future[Any]]] = []
        while len(batch) < MOST_AT_ONCE:
            try:
                item = self._waiting.get(block=not batch)
            except queue.Empty:
                break
            if item is None:
                if batch:
                    self._waiting.put(None)
                break
            if item[1].set_running_or_notify_cancel():
                batch.append(item)
        return batch

    def _open(self) -> sqlite3.Connection:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / "book.sqlite3"
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            _prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(TABLES)
        except sqlite3.OperationalError:
            # For these two SQLite does not wait by itself while another process opens the file for the first time.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _do_all(connection: sqlite3.Connection, batch: list[tuple[Work[Any], Future[Any]]]) -> None:
    """Does each piece whole or not at all, writes them together, and answers only then."""
    outcomes: list[tuple[Any, BaseException | None]] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for work, _ in batch:
            connection.execute("SAVEPOINT piece")
            try:
                outcomes.append((work(connection), None))
            except Exception as error:  # noqa: BLE001 whatever it is, it is told to who asked
                connection.execute("ROLLBACK TO piece")
                outcomes.append((None, error))
            connection.execute("RELEASE piece")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    for (_, answer), (value, error) in zip(batch, outcomes, strict=True):
        if error is None:
            answer.set_result(value)
        else:
            answer.set_exception(error)
