"""What is sent to PostgreSQL."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from models.database import Database
from models.statement import Statement


@contextmanager
def statements(database: Database) -> Generator[list[str]]:
    """Collects the SQL of transactions while it is open; savepoints, of which tests make their own, do not count."""
    found: list[str] = []
    arguments = Statement.arguments

    def collect(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if "SAVEPOINT" not in sql:
            found.append(" ".join(sql.split()))

    def collect_kept(statement: Statement, given: Mapping[str, Any]) -> list[Any]:
        found.append(" ".join(statement.sql.split()))
        return arguments(statement, given)

    engine = database.writers.engine.sync_engine
    event.listen(engine, "before_cursor_execute", collect)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Statement, "arguments", collect_kept)
            yield found
    finally:
        event.remove(engine, "before_cursor_execute", collect)
