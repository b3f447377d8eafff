"""One line an event on standard error, holding nothing but what is listed here (promise P33: log files).

A key that is not listed is left out, and so is a value that does not look as its key says: a log must not become
another place that keeps people's data. Records of other libraries keep their template, never its arguments, and an
exception keeps its class and where it came through, never its message.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import Any

import orjson
import structlog

from app.settings import ROOT

Check = Callable[[Any], bool]
LONGEST = 300  # characters of one value


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


def _form(pattern: str) -> Check:
    expression = re.compile(pattern)
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


_WORD = _form(r"[A-Za-z0-9_.]{1,64}")
_ID = _form(r"[a-z]{2,5}_[0-9a-f]{32}")
_FAULT = _form(r"[\w.:/<>() ',-]{1,300}")

# What may be in a log, and what it must look like. Adding a key is a privacy decision: no value that a person chose.
ALLOWED: Mapping[str, Check] = {
    "attempt": _number,
    "bytes": _number,
    "cache": _WORD,
    "code": _WORD,
    "count": _number,
    "document": _form(r"[0-9a-f]{8,64}"),
    "error": _WORD,
    "error_id": _form(r"[0-9a-f]{8,32}"),
    "fault": _FAULT,
    "id": _ID,
    "kind": _WORD,
    "method": _form(r"[A-Z]{3,10}"),
    "ms": _number,
    "operation": _form(r"query|mutation|subscription"),
    "outcome": _form(r"[a-z ]{1,40}"),
    "port": _number,
    "request_id": _form(r"[0-9A-Za-z-]{8,64}"),
    "revision": _WORD,
    "sqlstate": _form(r"[0-9A-Z]{5}"),
    "statements": _number,
    "status": _number,
    "version": _WORD,
    "where": _form(r"[\w./:<> ,-]{1,600}"),
}
_ALWAYS = ("time", "level", "logger", "event")


def allow_listed(event: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps what may be kept; `dropped` counts the rest."""
    kept = {name: event[name] for name in _ALWAYS if name in event}
    dropped = 0
    for name, value in event.items():
        if name in kept:
            continue
        check = ALLOWED.get(name)
        if check is not None and (value is None or check(value)):
            kept[name] = value
        else:
            dropped += 1
    if dropped:
        kept["dropped"] = dropped
    return kept


def escaped(text: str) -> str:
    """The text in printable characters alone: an event can't forge another line, nor move a terminal's cursor."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def as_json(event: Mapping[str, Any]) -> str:
    """The event as one JSON object."""
    return orjson.dumps({name: _escaped_text(value) for name, value in event.items()}).decode()


def as_text(event: Mapping[str, Any]) -> str:
    """The event as a person reads it."""
    rest = " ".join(f"{name}={_escaped_text(value)}" for name, value in event.items() if name not in _ALWAYS)
    return f"{event['time']} {event['level']:<7} {escaped(event['event'])} {rest}".rstrip()


class OneLine(logging.Formatter):
    """The only way from a record to the log, for our events (mappings) and for other libraries' messages."""

    def __init__(self, as_line: Callable[[Mapping[str, Any]], str]) -> None:
        super().__init__()
        self._as_line = as_line

    def format(self, record: logging.LogRecord) -> str:
        said = record.msg if isinstance(record.msg, dict) else {"event": record.msg}
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **said,
            # A message that was put together already may hold anything after its first line.
            "event": str(said["event"]).split("\n", 1)[0],
        }
        return self._as_line(allow_listed(event | _raised(event.pop("exc_info", None) or record.exc_info)))


_PROCESSORS: list[Any] = [structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
"""One list, however often it is configured: loggers keep the one they began with, and captures change it in place."""


def configure(style: str = "auto") -> None:
    """Sends every event of this process, ours and the libraries', to standard error: json, console or auto."""
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    for_people = style == "console" or (style == "auto" and sys.stderr.isatty())
    handler.setFormatter(OneLine(as_text if for_people else as_json))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.raiseExceptions = False  # the standard library would print the arguments of a record it can't write
    for chatty in ("alembic", "asyncio", "httpx", "stripe", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _raised(raised: Any) -> dict[str, str]:
    """An exception's class and the lines of ours it came through."""
    error = sys.exc_info()[1] if raised is True else raised[1] if isinstance(raised, tuple) else raised
    if not isinstance(error, BaseException):
        return {}
    return {"error": type(error).__qualname__, "where": _where(error.__traceback__)}


def _escaped_text(value: Any) -> Any:
    return escaped(value) if isinstance(value, str) else value


def _where(traceback: TracebackType | None) -> str:
    frames = [frame for frame in extract_tb(traceback) if Path(frame.filename).is_relative_to(ROOT)]
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    return ", ".join(f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}" for frame in ours[-6:]) or "elsewhere"
