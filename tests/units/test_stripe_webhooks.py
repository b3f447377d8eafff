"""What Stripe tells: signed with the account's secret, lately, and only about charges of this shop."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from stripe import WebhookSignature

from gateways.payments import BadSignature, GatewayEvent
from gateways.payments.stripe import TOLERANCE, StripeGateway
from gateways.payments.stripe_objects import Marks
from models.ids import new_id
from tests.support.payments import charge_of
from tests.support.stripe_server import KEY, WEBHOOK_SECRET, Line, account, stripe_process

GATEWAY = StripeGateway(account("http://stripe.test"))
OURS = Marks(account("").shop_secret)


def body_of(metadata: Mapping[str, str], kind: str = "payment_intent") -> str:
    about = {"id": "pi_1", "object": kind, "metadata": metadata}
    return json.dumps({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {"object": about}})


def signed(body: str, secret: str = WEBHOOK_SECRET, ago: int = 0) -> dict[str, str]:
    header = WebhookSignature.generate_signature_header(body, secret, int(time.time()) - ago)
    return {"stripe-signature": header}


def read(body: str, headers: Mapping[str, str]) -> GatewayEvent:
    return GATEWAY.read_event(headers, body.encode())


def test_signed_event_names_its_charge():
    charge_id = new_id()
    body = body_of(OURS.of(charge_id=charge_id))
    assert read(body, signed(body)) == GatewayEvent("evt_1", charge_id)
    assert read(body, signed(body, ago=TOLERANCE - 30)) == GatewayEvent("evt_1", charge_id)


@pytest.mark.parametrize(
    "about",
    [
        body_of({}),
        body_of(Marks(b"another shop").of(charge_id=UUID(int=1))),
        body_of(OURS.of(refund_id=UUID(int=1))),
        body_of(OURS.of() | {"charge_id": "no key"}),
        body_of(OURS.of(charge_id=UUID(int=1)), kind="charge"),
        json.dumps({"id": "evt_1", "data": {"object": {"object": "payment_intent", "metadata": None}}}),
        json.dumps({"id": "evt_1"}),
    ],
)
def test_event_about_something_else_names_no_charge(about: str):
    assert read(about, signed(about)) == GatewayEvent("evt_1", None)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"stripe-signature": ""},
        {"stripe-signature": "t=1"},
        {"stripe-signature": "v1=0"},
        signed(body_of({}), secret="whsec_of_another"),
        signed(body_of({}) + " "),
        signed(body_of({}), ago=TOLERANCE + 5),
        {"stripe-signature": f"t={int(time.time())},{signed(body_of({}), ago=1000)['stripe-signature']}"},
    ],
)
def test_what_stripe_did_not_sign_lately_is_refused(headers: Mapping[str, str]):
    with pytest.raises(BadSignature):
        read(body_of({}), headers)


def test_body_that_is_no_text_is_refused():
    with pytest.raises(BadSignature):
        GATEWAY.read_event(signed("{}"), b"\xff\xfe")


async def test_webhook_that_was_sent_is_read_and_its_charge_found():
    """As it comes over HTTP from the stand-in for Stripe."""
    came: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        came.put_nowait((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with stripe_process() as url:
        hook: dict[str, Any] = {"url": here, "secret": WEBHOOK_SECRET, "events": ["payment_intent.succeeded"]}
        async with httpx.AsyncClient(auth=(KEY, "")) as client:
            (await client.post(f"{url}/_config/webhooks/shop", json=hook)).raise_for_status()
        gateway = StripeGateway(account(url), line=Line())
        request = charge_of("pm_card_visa")
        charged = await gateway.charge(request)
        event = gateway.read_event(*await asyncio.wait_for(came.get(), 10))
        assert event.charge_id == request.charge_id
        assert await gateway.find(request.charge_id) == charged
        await gateway.close()
    server.close()
    await server.wait_closed()
