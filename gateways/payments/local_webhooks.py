"""Webhooks of the local gateway: signed as real ones are, and sent over HTTP by whoever serves the shop."""

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from gateways.payments import BadSignature, GatewayEvent, GatewayTimeout

if TYPE_CHECKING:
    from gateways.payments.local import LocalGateway

SIGNATURE = "layette-gateway-signature"
TOLERANCE = 300.0
"""Seconds that a signature is good for, before and after its time."""

_SIGNED = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request to the shop."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def written(row: Any, secret: bytes, now: float) -> Webhook:
    """The webhook of a row of the book, signed now."""
    event = {"id": row["event_key"], "type": row["kind"], "charge": {"reference": row["charge_id"]}}
    body = json.dumps(event).encode()
    return Webhook({"content-type": "application/json", SIGNATURE: sign(body, secret, int(now))}, body)


def sign(body: bytes, secret: bytes, moment: int) -> str:
    """The value of the header, good around `moment`, in seconds since 1970."""
    return f"t={moment},v1={hmac.new(secret, b'%d.%b' % (moment, body), hashlib.sha256).hexdigest()}"


def read(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> GatewayEvent:
    """What a request says whose signature is ours. Raises BadSignature."""
    signed = _SIGNED.fullmatch(headers.get(SIGNATURE, ""))
    if signed is None or abs(now - int(signed[1])) > TOLERANCE:
        raise BadSignature
    if not hmac.compare_digest(sign(body, secret, int(signed[1])), signed[0]):
        raise BadSignature
    event = json.loads(body)
    return GatewayEvent(event["id"], UUID(event["charge"]["reference"]))


async def deliver(gateway: "LocalGateway", url: str) -> None:
    """Tells the shop at `url` what the gateway has to tell, when it is time, until the gateway is closed.

    Each is told once: what the shop does not take, its reconciler finds out.
    """
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        with suppress(GatewayTimeout):
            while not gateway.closed:
                for webhook in await gateway.due_webhooks():
                    with suppress(httpx.HTTPError):
                        await client.post(url, content=webhook.body, headers=webhook.headers)
                await _until_next(gateway)


async def _until_next(gateway: "LocalGateway") -> None:
    gateway.promised.clear()
    due_at = await gateway.next_webhook()
    seconds = None if due_at is None else max(due_at - time.time(), 0.01)
    with suppress(TimeoutError):
        await asyncio.wait_for(gateway.promised.wait(), seconds)
