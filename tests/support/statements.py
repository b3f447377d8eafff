"""What is sent to PostgreSQL."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from models.database import Database


@contextmanager
def statements(database: Database) -> Generator[list[str]]:
    """Collects the SQL of transactions while it is open; savepoints, of which tests make their own, do not count."""
    found: list[str] = []

    def collect(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if "SAVEPOINT" not in sql:
            found.append(" ".join(sql.split()))

    event.listen(database.engine.sync_engine, "before_cursor_execute", collect)
    try:
        yield found
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", collect)
