"""Partners at the door: whose key a request brings, what is left of the partner's budget, and that it is counted.

Headers are those of draft-ietf-httpapi-ratelimit-headers-10; a request costs one unit, and one more for each thousand
fields that it asks for.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from uuid import UUID

import structlog

from app.errors import Code
from app.http.request import Headers, HttpRefusal, HttpRequest
from auth import partner_keys
from auth.partner_usage import UsageCounter
from auth.throttle import PARTNER, Allowance, Throttle
from auth.tokens import Kind, parse
from auth.viewer import Viewer
from gateways.failure import describe
from models.database import Database

FIELDS_OF_A_UNIT = 1000

WRITE_EVERY = 2.0
"""Seconds between writes of what was counted: as much is lost of a process that is killed."""

WRITE_PATIENCE = 10.0
"""Seconds that one write may take, the last one of a process that stops included."""

_MARK = f"{Kind.PARTNER_KEY}_".encode()

log = structlog.get_logger("partners")


@dataclass(slots=True)
class Visit:
    """One request with a key that is good: its partner, with what the key may do, and what is left of the budget."""

    viewer: Viewer
    partner_id: UUID
    allowance: Allowance

    @property
    def headers(self) -> Headers:
        """What every answer tells the partner of its budget."""
        left = self.allowance
        return [
            (b"ratelimit-policy", b'"default";q=%d;w=%d' % (left.amount, left.window)),
            (b"ratelimit", b'"default";r=%d;t=%d' % (left.remaining, ceil(left.seconds))),
        ]


class PartnerGate:
    """Lets in partners by their keys. One a process; `usage` is what it counts for all of them."""

    def __init__(self, database: Database, throttle: Throttle) -> None:
        self.usage = UsageCounter()
        self._database = database
        self._throttle = throttle

    async def enter(self, request: HttpRequest) -> None:
        """Finds out whose key the request brings, and sets `request.visit`; one statement, and none without a key.

        A key that is no good makes an anonymous caller. Raises HttpRefusal where the partner's budget is used up.
        """
        if _MARK not in request.headers.get(b"authorization", b""):
            return
        token = request.bearer_token
        found = parse(token) if token else None
        if found is None or found[0] is not Kind.PARTNER_KEY:
            return
        holder = await partner_keys.identify(self._database, found[1], request.client_address or "")
        if holder is None:
            return
        self.usage.note(holder.partner_id)
        if holder.viewer is None:
            self.usage.note_refusal(holder.partner_id)
            return
        self.usage.note_use(holder.key_id)
        allowance = await self._spend(holder.partner_id, 1)
        request.visit = Visit(holder.viewer, holder.partner_id, allowance)
        self._check(request.visit)

    async def pay_for(self, visit: Visit, fields: int) -> None:
        """Takes what asking for so many fields costs beyond the request itself. Raises HttpRefusal as `enter` does."""
        units = fields // FIELDS_OF_A_UNIT
        if units:
            visit.allowance = await self._spend(visit.partner_id, units)
            self._check(visit)

    async def _spend(self, partner_id: UUID, units: int) -> Allowance:
        return await self._throttle.spend(PARTNER, units, str(partner_id))

    def _check(self, visit: Visit) -> None:
        if visit.allowance.granted:
            return
        self.usage.note_refusal(visit.partner_id)
        wait = max(1, ceil(visit.allowance.seconds))
        message = "The budget of requests is used up. Wait until the next one begins."
        headers = [("retry-after", str(wait))]
        raise HttpRefusal(HTTPStatus.TOO_MANY_REQUESTS, message, headers, code=Code.RATE_LIMITED, retryAfter=wait)


@asynccontextmanager
async def written_down(usage: UsageCounter, database: Database) -> AsyncGenerator[None]:
    """Writes what is counted every few seconds while it is open, and the rest at the end."""
    stop = asyncio.Event()
    writer = asyncio.create_task(_keep_writing(usage, database, stop))
    try:
        yield
    finally:
        stop.set()
        await writer


async def _keep_writing(usage: UsageCounter, database: Database, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), WRITE_EVERY)
        try:
            async with asyncio.timeout(WRITE_PATIENCE):
                await usage.write(database)
        except Exception as error:  # noqa: BLE001  # whatever it is: what was counted is kept for the next time
            log.warning("partners.usage_unwritten", fault=describe(error))
