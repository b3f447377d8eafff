"""Mail: a port, an adapter that writes files for development, and one that speaks SMTP.

Sending is never part of a transaction: a job does it, and what it raises decides whether the job is tried again.
"""

import asyncio
import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.generator import BytesGenerator
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.policy import SMTP, SMTPUTF8, default
from email.utils import format_datetime, parseaddr
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import aiosmtplib

from gateways.failure import PermanentFailure, TemporaryFailure

_ADDRESS = re.compile(r'[^@\s\x00-\x1f\x7f<>()\[\]\\,;:"]+@[^@\s\x00-\x1f\x7f<>()\[\]\\,;:"]+')
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_FILE = re.compile(r"(\d{8}T\d{6}\d{6})Z-[A-Za-z0-9.-]+\.eml")
_FILE_TIME = "%Y%m%dT%H%M%S%f"


class MailRefused(PermanentFailure):
    """The server will not take this message for this address, now or later."""


class MailDelayed(TemporaryFailure):
    """The server is away, busy, or set up wrongly: the message is not lost."""


@dataclass(frozen=True, slots=True)
class MailMessage:
    """One message to one address, as text and as HTML. `message_id` is the part before the @ of its Message-ID.

    Raises ValueError, which does not repeat the value, for an address or a subject that could write other headers.
    """

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    message_id: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.to):
            raise ValueError("not an address that mail can be sent to")
        if not _ONE_LINE.fullmatch(self.subject):
            raise ValueError("a subject is one line of at most 200 characters")
        if not _MESSAGE_ID.fullmatch(self.message_id):
            raise ValueError("a message id is letters, digits, dots and hyphens")


class Mailer(Protocol):
    """Where mail goes out."""

    async def send(self, message: MailMessage) -> None:
        """Returns when the message is taken over for delivery. Raises MailRefused or MailDelayed."""
        ...


def open_mailer(smtp_url: str | None, sender: str, home: Path) -> Mailer:
    """SMTP where there is a URL for it, else the mailbox in the home folder."""
    return SmtpMailer(smtp_url, sender) if smtp_url else LocalMailbox(home, sender)


def compose(message: MailMessage, sender: str, encoding: str) -> EmailMessage:
    """The message with its headers; `sender` is an address, or a name and an address in angle brackets."""
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(name, *_split(address))
    mail["To"] = Address("", *_split(message.to))
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message.message_id}@{_split(address)[1]}>"
    # RFC 3834: no holiday note shall answer it.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text, cte=encoding)
    mail.add_alternative(message.html, subtype="html", cte=encoding)
    return mail


def _split(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    return local, domain


class LocalMailbox:
    """Writes each message to a file of its own in `mail/` of the home folder, whole or not at all."""

    def __init__(self, home: Path, sender: str = "shop@localhost") -> None:
        self._folder = home / "mail"
        self._sender = sender

    async def send(self, message: MailMessage) -> None:
        content = BytesIO()
        BytesGenerator(content, policy=SMTPUTF8).flatten(compose(message, self._sender, "8bit"))
        name = f"{datetime.now(UTC).strftime(_FILE_TIME)}Z-{message.message_id[:8]}.eml"
        await asyncio.to_thread(self._write, name, content.getvalue())

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{name}"
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A message in the local mailbox; `number` counts from 1, the oldest, and stays."""

    number: int
    sent_at: datetime
    to: str = field(repr=False)
    subject: str = field(repr=False)
    path: Path

    def text(self) -> str:
        """What a reader without HTML sees."""
        with self.path.open("rb") as file:
            part = BytesParser(policy=default).parse(file).get_body(("plain",))
        assert part is not None, "LocalMailbox writes a text part"
        return part.get_content()


def read_mailbox(home: Path) -> list[StoredMail]:
    """The messages in the local mailbox, the oldest first."""
    named = sorted((path.name, path) for path in (home / "mail").glob("*.eml") if _FILE.fullmatch(path.name))
    return [_stored(number, path) for number, (_, path) in enumerate(named, 1)]


def _stored(number: int, path: Path) -> StoredMail:
    with path.open("rb") as file:
        headers = BytesHeaderParser(policy=default).parse(file)
    sent_at = datetime.strptime(path.name.partition("Z")[0], _FILE_TIME).replace(tzinfo=UTC)
    return StoredMail(number, sent_at, str(headers["To"]), str(headers["Subject"]), path)


class SmtpMailer:
    """Hands messages to a server: `smtp://user:password@host:587` with STARTTLS, or `smtps://` with TLS from the start.

    STARTTLS is required, except of a server on this machine; `?starttls=optional` or `never` says otherwise. A password
    is sent over TLS or within this machine only. Raises ValueError, which does not repeat the URL, for any other.
    """

    def __init__(
        self, url: str, sender: str, *, timeout: float = 10, tls: Callable[[], ssl.SSLContext] | None = None
    ) -> None:
        """`timeout` is for each exchange with the server, in seconds; `tls` makes a context other than the default."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            # What stands there may be part of a password.
            raise ValueError(
                "a mail server's port is a number; # / ? @ in a password are written %23 %2F %3F %40"
            ) from None
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("a mail server's URL is smtp://host or smtps://host")
        self._direct_tls = parts.scheme == "smtps"
        self._host = parts.hostname
        self._port = port or (465 if self._direct_tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._start_tls = self._wants_start_tls(parse_qs(parts.query).get("starttls", [""])[0])
        self._sender = sender
        self._timeout = timeout
        self._context = tls() if tls else ssl.create_default_context()

    def _wants_start_tls(self, asked: str) -> bool | None:
        near = _within_this_machine(self._host)
        words: dict[str, bool | None] = {"": None if near else True, "required": True, "optional": None, "never": False}
        if asked not in words:
            raise ValueError("starttls is required, optional or never")
        if self._direct_tls:
            return False
        if self._user and not near and words[asked] is not True:
            raise ValueError("a mail server's password needs TLS")
        return words[asked]

    async def send(self, message: MailMessage) -> None:
        mail = compose(message, self._sender, "quoted-printable")
        envelope_sender = parseaddr(self._sender)[1]
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            # Otherwise the machine's own name, after a look-up.
            local_hostname=_split(envelope_sender)[1],
            timeout=self._timeout,
            use_tls=self._direct_tls,
            start_tls=self._start_tls,
            tls_context=self._context,
        )
        try:
            await client.connect()
            await client.send_message(mail, sender=envelope_sender, recipients=[message.to])
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _verdict(error, ascii_only=message.to.isascii()) from None
        else:
            # The message is taken over: a farewell that fails must not send it again.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            client.close()


def _verdict(error: Exception, *, ascii_only: bool) -> MailRefused | MailDelayed:
    """What an answer means for the message. Only one about this recipient or this content is final.

    A sender refused, a failed sign-in or 530 (authentication required) is the shop's mistake, and mended in time.
    """
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None
    about_us = not isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
    if code is not None and 500 <= code < 600 and code != 530 and not about_us:
        return MailRefused(str(code))
    if isinstance(error, aiosmtplib.SMTPNotSupported) and not ascii_only:
        return MailRefused("no SMTPUTF8")
    return MailDelayed(f"{type(error).__name__} {code}" if code else type(error).__name__)


def _within_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
