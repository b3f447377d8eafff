import json
import logging
from collections.abc import Callable, Generator
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.logging import ALLOWED, OneLine, allow_listed, as_json, as_text, configure, escaped

Read = Callable[[], list[dict[str, Any]]]
CANARY = "canary@example.com"


@pytest.fixture
def written() -> Generator[StringIO]:
    """What is logged during the test, as JSON lines."""
    root, raising = logging.getLogger(), logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in ("", "alembic", "asyncio", "httpx", "uvicorn")}
    handlers, stream = root.handlers[:], StringIO()
    with redirect_stderr(stream):
        configure("json")
    yield stream
    root.handlers[:], logging.raiseExceptions = handlers, raising
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def read(written: StringIO) -> Read:
    """Answers the events so far."""
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def _fields(event: dict[str, Any]) -> dict[str, Any]:
    assert event.pop("time")
    return event


def test_listed_values_are_logged(read: Read):
    structlog.get_logger("jobs").info("job", kind="mail.verify", id=f"job_{'0a' * 16}", attempt=2, ms=1.5)
    assert [_fields(event) for event in read()] == [
        {
            "level": "info",
            "logger": "jobs",
            "event": "job",
            "kind": "mail.verify",
            "id": f"job_{'0a' * 16}",
            "attempt": 2,
            "ms": 1.5,
        }
    ]


def test_what_is_not_listed_is_left_out_and_counted(read: Read):
    structlog.get_logger().info("sent", email=CANARY, count=1, subject="Hello")
    (event,) = read()
    assert event["dropped"] == 2
    assert event["count"] == 1
    assert CANARY not in str(event)


@pytest.mark.parametrize("name", ALLOWED)
def test_no_listed_key_takes_a_mail_address(name: str):
    assert allow_listed({"event": "e", name: CANARY}) == {"event": "e", "dropped": 1}


def test_exception_keeps_its_class_and_place_and_loses_its_message(read: Read):
    try:
        int(CANARY)
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed for %s", CANARY)
    ours, theirs = read()
    assert ours["error"] == theirs["error"] == "ValueError"
    assert theirs["where"].startswith("tests/units/test_logging.py:")
    assert theirs["event"] == "failed for %s"
    assert CANARY not in f"{ours}{theirs}"


def test_library_record_keeps_its_first_line_without_arguments(read: Read):
    logging.getLogger("library").warning("%s was refused\nbecause of %s", CANARY, CANARY)
    (event,) = read()
    assert event["event"] == "%s was refused"


def test_record_that_cannot_be_written_prints_nothing_of_itself(written: StringIO, capsys: pytest.CaptureFixture[str]):
    class Broken:
        def __str__(self) -> str:
            raise ValueError(CANARY)

    logging.getLogger("library").warning(Broken())
    captured = capsys.readouterr()
    assert written.getvalue() == captured.err == captured.out == ""


@given(st.text())
def test_whatever_an_event_says_it_is_one_printable_line(text: str):
    record = logging.makeLogRecord({"msg": {"event": text, "fault": text}, "levelname": "INFO", "created": 0.0})
    for as_line in (as_text, as_json):
        line = OneLine(as_line).format(record)
        assert line.isprintable()


def test_control_characters_are_shown_as_escapes():
    assert escaped("a\nb\x1b[2J\u2028\u202ec\ud800") == "a\\nb\\x1b[2J\\u2028\\u202ec\\ud800"
    assert escaped("Zürich") == "Zürich"
    assert len(escaped("a" * 1000)) == 301
