"""What a piece of a test leaves in the log, as the shop would write it."""

import io
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import orjson

from app import logging as app_logging


class Written(list[dict[str, Any]]):
    """The lines of the log so far, decoded; `text` is all of it."""

    text: str = ""


@contextmanager
def written_log() -> Generator[Written]:
    """The lines are there when the block has ended."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    app_logging.configure("json")
    text, written = io.StringIO(), Written()
    handler = logging.StreamHandler(text)
    handler.setFormatter(app_logging.OneLine(app_logging.as_json))
    root.handlers = [handler]
    try:
        yield written
    finally:
        root.handlers, logging.raiseExceptions = handlers, raising
        root.setLevel(level)
        written.text = text.getvalue()
        written.extend(orjson.loads(line) for line in written.text.splitlines())
