"""A real SMTP server as a process of its own: `python -m tests.support.smtp_server FOLDER [options]`.

It keeps each message as a JSON file in the folder, and answers by the part of the address before the @:
`unknown` 550, `busy` 451, `unauthenticated` 530; after the message `spam` 554 and `full` 452; `mute` never answers,
`vanishing` closes the connection, and so does the farewell of `rude`. Mail from `blocked` is refused.
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

ROOT = Path(__file__).resolve().parents[2]
RECIPIENTS = {"unknown": "550 5.1.1 unknown@x.example: no such person", "busy": "451 later", "unauthenticated": "530 ?"}
MESSAGES = {"spam": "554 looks like spam", "full": "452 mailbox is full"}


@dataclass(frozen=True)
class Received:
    """What the server took, and how it came."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    user: str | None
    greeting: str

    @property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass(frozen=True)
class Sink:
    """The server as a test sees it."""

    port: int
    folder: Path

    def received(self) -> list[Received]:
        return [
            Received(**{**kept, "content": kept["content"].encode("latin-1")})
            for kept in (json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json")))
        ]


@contextmanager
def smtp_server(folder: Path, *options: str) -> Generator[Sink]:
    """A server that listens; it is killed at the end."""
    command = [sys.executable, "-m", "tests.support.smtp_server", str(folder), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield Sink(int(process.stdout.readline()), folder)
    finally:
        process.kill()
        process.communicate()


class Handler:
    """aiosmtpd's hooks, by its naming."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("blocked@"):
            return "553 not from there"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        name = address.partition("@")[0]
        if name == "mute":
            await asyncio.sleep(3600)
        if name == "vanishing":
            _abort(server)
        if name in RECIPIENTS:
            return RECIPIENTS[name]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        name = envelope.rcpt_tos[0].partition("@")[0]
        if name in MESSAGES:
            return MESSAGES[name]
        self._keep(session, envelope)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if envelope.rcpt_tos and envelope.rcpt_tos[0].startswith("rude@"):
            _abort(server)
        return "221 bye"

    def _keep(self, session: Session, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        kept: dict[str, Any] = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "content": content.decode("latin-1"),
            "encrypted": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "greeting": session.host_name,
        }
        (self._folder / f"{next(self._numbers):04}.json").write_text(json.dumps(kept))


def _abort(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


async def _main(arguments: argparse.Namespace) -> None:
    context = None
    if arguments.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate)
    handler = Handler(arguments.folder)

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = f"{data.login.decode()}:{data.password.decode()}" == arguments.user
        return AuthResult(success=right, handled=False, auth_data=data)

    def protocol() -> SMTP:
        return SMTP(
            handler,
            hostname="smtp.test",
            enable_SMTPUTF8=arguments.utf8,
            tls_context=None if arguments.direct else context,
            require_starttls=context is not None and not arguments.direct,
            authenticator=authenticate if arguments.user else None,
            auth_required=bool(arguments.user),
            auth_require_tls=context is not None and not arguments.direct,
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if arguments.direct else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 how the test learns the port
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--certificate", help="offers STARTTLS, and takes no mail without it")
    parser.add_argument("--direct", action="store_true", help="TLS from the start instead")
    parser.add_argument("--user", help="name:password, without which it takes no mail")
    parser.add_argument("--utf8", action="store_true", help="addresses may be in any script")
    asyncio.run(_main(parser.parse_args()))
