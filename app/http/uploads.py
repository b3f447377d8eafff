"""Files beside an operation: the GraphQL multipart request specification, read strictly.

A request is a form with `operations`, then `map`, then the files that the map names, in any order. A form is something
that any page can make a browser send without asking first, cookies and all, so it needs a header that such a page
cannot add. Only who is signed in may send one, as nothing that a stranger may do takes a file.
"""

import asyncio
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import Code
from app.http import parameters
from app.http.parameters import Parameters
from app.http.patience import Patience
from app.http.request import CLOSE, CSRF_PROOFS, MAX_BODY_BYTES, HttpRefusal, HttpRequest, Receive, drain
from app.limits import UploadLimits
from auth.viewer import Viewer, ViewerKind
from schema.upload import UploadedFile

FORM = "multipart/form-data"
LONGEST_BOUNDARY = 70  # RFC 2046, section 5.1.1
LONGEST_NAME = 64
MAX_MAP_BYTES = 4096
TARGETS = 4
"""Variables that one file may be put into."""

PROOFS = ", ".join(name.decode() for name in CSRF_PROOFS)


class Identified(Protocol):
    """A request's context, that finds out who asks."""

    async def identify(self) -> Viewer: ...


@lru_cache(maxsize=64)
def is_form(content_type: bytes | None) -> bool:
    """Whether the body is a form with files."""
    return parse_options_header(content_type)[0] == FORM.encode()


class Uploads:
    """Reads requests with files, a few at a time: what they hold of them is memory."""

    def __init__(self, limits: UploadLimits) -> None:
        self._limits = limits
        self._room = asyncio.Semaphore(limits.at_once)
        self._patience = Patience(limits.seconds)

    async def read(self, request: HttpRequest, receive: Receive, context: Identified) -> Parameters:
        """The parameters, with each file in the variables that it is for. Raises HttpRefusal."""
        by_cookie = b"cookie" in request.headers and b"authorization" not in request.headers
        if by_cookie and not request.csrf_proof:
            await drain(receive)
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, f"Send a form with one of the headers {PROOFS}.", CLOSE)
        boundary = _boundary(request.headers.get(b"content-type"))
        announced = request.headers.get(b"content-length", b"0")
        if not announced.isdigit():
            raise _unreadable()
        if len(announced) > 9 or int(announced) > self._limits.request_bytes:
            await drain(receive)
            raise _too_long("The request", self._limits.request_bytes)
        if (await context.identify()).kind is ViewerKind.ANONYMOUS:
            await drain(receive)
            headers = [*CLOSE, ("www-authenticate", "Bearer")]
            raise HttpRefusal(HTTPStatus.UNAUTHORIZED, "Sign in to send files.", headers, code=Code.UNAUTHENTICATED)
        form = Form(self._limits)
        try:
            await self._patience.wait(self._fill(form, boundary, receive))
        except TimeoutError:
            raise HttpRefusal(HTTPStatus.REQUEST_TIMEOUT, "The body took too long.", CLOSE) from None
        return form.parameters()

    async def _fill(self, form: "Form", boundary: bytes, receive: Receive) -> None:
        async with self._room:
            parser = MultipartParser(boundary, form.callbacks())
            size = 0
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _unreadable()
                body, more = message.get("body", b""), message.get("more_body", False)
                size += len(body)
                try:
                    self._take(parser, body, size)
                except HttpRefusal:
                    if more:
                        await drain(receive)
                    raise
                if not more:
                    return

    def _take(self, parser: MultipartParser, body: bytes, size: int) -> None:
        if size > self._limits.request_bytes:
            raise _too_long("The request", self._limits.request_bytes)
        try:
            parser.write(body)
        except FormParserError:
            raise _malformed("The form is not well-formed.") from None


def _boundary(content_type: bytes | None) -> bytes:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise _malformed("The form names no boundary.")
    return boundary


@dataclass(slots=True)
class Form:
    """The parts of a form, each checked as it comes in, so that no byte is kept of what is not wanted."""

    limits: UploadLimits
    parts: dict[str, bytearray] = field(default_factory=dict)
    targets: dict[str, list[str]] = field(default_factory=dict)
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""
    _name: str = ""
    _ended: bool = False

    def callbacks(self) -> Any:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._add,
            "on_part_end": self._close,
            "on_end": self._end,
        }

    def parameters(self) -> Parameters:
        """The operation with its files. Raises HttpRefusal."""
        if not self._ended or not self.targets or self.targets.keys() - self.parts.keys():
            raise _malformed("The form ends before operations, map and all files were there.")
        asked = parameters.from_body(bytes(self.parts["operations"]))
        for name, paths in self.targets.items():
            found = UploadedFile(bytes(self.parts[name]))
            for path in paths:
                _put(asked.variables, path, found)
        return asked

    def _begin(self) -> None:
        self._disposition = b""

    def _end_header(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open(self) -> None:
        kind, options = parse_options_header(self._disposition)
        raw = options.get(b"name", b"")
        if kind != b"form-data" or not 0 < len(raw) <= LONGEST_NAME:
            raise _malformed("A part of the form has no name.")
        self._name = raw.decode("latin-1")
        if self._name in self.parts:
            raise _malformed("Two parts of the form have one name.")
        expected = ("operations", "map")[len(self.parts)] if len(self.parts) < 2 else None
        if expected is not None and self._name != expected:
            raise _malformed("A form has operations first, then map, then the files.")
        if expected is None and self._name not in self.targets:
            raise _malformed("The form has a file that its map does not name.")
        self.parts[self._name] = bytearray()

    def _add(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[self._name]
        limit = {"operations": MAX_BODY_BYTES, "map": MAX_MAP_BYTES}.get(self._name, self.limits.file_bytes)
        if len(part) + end - start > limit:
            raise _too_long("A file" if self._name in self.targets else self._name, limit)
        part.extend(data[start:end])

    def _close(self) -> None:
        if self._name == "map":
            self.targets = _targets(bytes(self.parts["map"]), self.limits.files)

    def _end(self) -> None:
        self._ended = True


def _targets(text: bytes, most: int) -> dict[str, list[str]]:
    """The map: which variables each file is for."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _malformed("map is not well-formed JSON in UTF-8.") from None
    if not isinstance(found, dict) or not 0 < len(found) <= most:
        raise _malformed(f"map is an object that names one to {most} files.")
    for name, paths in found.items():
        if name in {"", "operations", "map"} or not isinstance(paths, list) or not 0 < len(paths) <= TARGETS:
            raise _malformed(f"map gives a list of one to {TARGETS} variables for each file.")
        if not all(isinstance(path, str) for path in paths):
            raise _malformed("map names variables by strings.")
    return found


def _put(variables: dict[str, Any], path: str, file: UploadedFile) -> None:
    """Puts the file where the path leads, `variables.file` or `variables.files.0`: a null has to be there."""
    first, *steps = path.split(".")
    if first != "variables" or not steps or len(steps) > parameters.MAX_DEPTH:
        raise _malformed("map names variables as variables.file.")
    place: Any = {"variables": variables}
    at: Any = first
    for step in steps:
        place = _inside(place, at)
        at = int(step) if isinstance(place, list) and step.isascii() and step.isdigit() and len(step) < 6 else step
    if _inside(place, at) is not None:
        raise _malformed("map leads to a variable that is not null.")
    place[at] = file


def _inside(place: Any, at: Any) -> Any:
    if (isinstance(place, dict) and at in place) or (
        isinstance(place, list) and isinstance(at, int) and at < len(place)
    ):
        return place[at]
    raise _malformed("map leads to a variable that is not there.")


def _too_long(what: str, limit: int) -> HttpRefusal:
    size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit // 1024} KiB"
    return HttpRefusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} may have {size}.", CLOSE)


def _malformed(message: str) -> HttpRefusal:
    return HttpRefusal(HTTPStatus.BAD_REQUEST, message, CLOSE)


def _unreadable() -> HttpRefusal:
    return _malformed("The body could not be read.")
