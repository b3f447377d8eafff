"""What a person finds in their mailbox: here, the files of the local mail adapter."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from gateways.mail import StoredMail, read_mailbox

DELIVERY_SECONDS = 20
_TOKEN = re.compile(r"lym_\w+")


@dataclass(slots=True)
class Mailbox:
    """One address; each letter is read once."""

    home: Path
    address: str
    read: set[Path] = field(default_factory=set)

    async def token(self, page: str) -> str:
        """The token of the next letter with a link to this page of the web shop."""
        link = f"{page}#token="
        found = _TOKEN.match((await self.letter(link)).partition(link)[2])
        assert found, "the link carries no token"
        return found.group()

    async def letter(self, words: str) -> str:
        """The text of the next letter that has these words in it. Letters on the way to it count as read."""
        deadline = time.monotonic() + DELIVERY_SECONDS
        while time.monotonic() < deadline:
            for mail in self._unread():
                self.read.add(mail.path)
                if words in (text := mail.text()):
                    return text
            await asyncio.sleep(0.05)
        raise AssertionError(f"no letter with {words!r} came")

    def _unread(self) -> list[StoredMail]:
        return [mail for mail in read_mailbox(self.home) if mail.to == self.address and mail.path not in self.read]
