"""Webhooks of the payment gateway over HTTP: the signature first, each event once, and nothing of them in the log."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from stripe import WebhookSignature

from app.settings import Settings
from gateways.payments.local import LocalGateway
from gateways.payments.local_webhooks import SIGNATURE, TOLERANCE, sign
from models.ids import new_id
from tests.support.jobs import rows
from tests.support.log import written_log
from tests.support.shop import Shop

PATH = "/webhooks/payments/local"
PROMISED = "SELECT subject_id FROM job WHERE kind = 'payment.settle'"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(shop_with: Callable[..., Awaitable[Shop]]) -> Shop:
    return await shop_with()


@pytest.fixture
def key(settings: Settings) -> bytes:
    """What the gateway of the shop signs with."""
    return LocalGateway(settings.gateway, settings.server_secret)._secret


def event(charge_id: UUID, key: str = "levt_1") -> bytes:
    return json.dumps({"id": key, "type": "charge.decided", "charge": {"reference": charge_id.hex}}).encode()


async def post(shop: Shop, body: bytes, signature: str | None, path: str = PATH, **more: Any) -> httpx.Response:
    headers = {"content-type": "application/json"} | ({SIGNATURE: signature} if signature is not None else {})
    return await shop.client.post(path, content=body, headers=headers, **more)


async def test_event_promises_to_ask_about_its_charge_once(shop: Shop, key: bytes):
    charge_id = new_id()
    for event_key in ("levt_2", "levt_1", "levt_2", "levt_1"):
        body = event(charge_id, event_key)
        response = await post(shop, body, sign(body, key, int(time.time())))
        assert (response.status_code, response.content) == (200, b"")
    assert await rows(shop.database, PROMISED) == [(charge_id,)]
    assert await rows(shop.database, "SELECT gateway, event_key FROM gateway_event ORDER BY event_key") == [
        ("local", "levt_1"),
        ("local", "levt_2"),
    ]
    await rows(shop.database, "DELETE FROM job")
    body = event(charge_id, "levt_1")
    assert (await post(shop, body, sign(body, key, int(time.time())))).status_code == 200
    assert await rows(shop.database, PROMISED) == [], "what was acted on is not acted on again"


def forged(body: bytes, key: bytes, now: int) -> list[str | None]:
    """Signatures that the gateway did not make for this body, or not lately, or not alone."""
    good = sign(body, key, now)
    return [
        None,
        "",
        sign(body, b"another key", now),
        sign(body + b" ", key, now),
        sign(body, key, now - int(TOLERANCE) - 5),
        sign(body, key, now + int(TOLERANCE) + 5),
        sign(body, key, now - 1000).replace(str(now - 1000), str(now)),
        good.upper(),
        f"{good}, {good}",
        f"{sign(body, b'another', now)},{good}",
    ]


async def test_what_the_gateway_did_not_sign_is_refused_and_leaves_no_trace(shop: Shop, key: bytes):
    body = event(new_id(), "levt_secret_of_somebody")
    with written_log() as logged:
        answers = [await post(shop, body, signature) for signature in forged(body, key, int(time.time()))]
    assert {(answer.status_code, answer.content) for answer in answers} == {(400, b"")}
    assert logged == []
    assert await rows(shop.database, "SELECT count(*) FROM gateway_event") == [(0,)]
    assert await rows(shop.database, "SELECT count(*) FROM job WHERE kind = 'payment.settle'") == [(0,)]


async def test_nothing_of_a_webhook_is_logged(shop: Shop, key: bytes):
    body = event(new_id(), "levt_secret_of_somebody")
    with written_log() as logged:
        await post(shop, body, sign(body, key, int(time.time())))
    assert logged == []


async def test_body_is_bounded(shop: Shop, key: bytes):
    body = event(new_id()) + b" " * 256 * 1024
    assert (await post(shop, body, sign(body, key, int(time.time())))).status_code == 413
    assert await rows(shop.database, "SELECT count(*) FROM gateway_event") == [(0,)]


async def test_another_gateway_has_no_address(shop: Shop, key: bytes):
    body = event(new_id())
    for path in ("/webhooks/payments/stripe", "/webhooks/payments/", f"{PATH}/x"):
        assert (await post(shop, body, sign(body, key, int(time.time())), path)).status_code == 404
    assert (await shop.client.get(PATH)).status_code == 405


async def test_shop_with_stripe_takes_stripes_webhooks_and_no_others(
    shop_with: Callable[..., Awaitable[Shop]], key: bytes
):
    secrets = {"stripe_key": SecretStr("sk_test_1"), "stripe_webhook_secret": SecretStr("whsec_1")}
    shop = await shop_with(payments="stripe", **secrets)
    charge = {"object": "payment_intent", "metadata": {}}
    body = json.dumps({"id": "evt_1", "object": "event", "data": {"object": charge}})
    for secret, status in (("whsec_2", 400), ("whsec_1", 200), ("whsec_1", 200)):
        headers = {"stripe-signature": WebhookSignature.generate_signature_header(body, secret)}
        answer = await shop.client.post("/webhooks/payments/stripe", content=body, headers=headers)
        assert answer.status_code == status
    assert await rows(shop.database, "SELECT gateway, event_key FROM gateway_event") == [("stripe", "evt_1")]
    local = event(new_id())
    assert (await post(shop, local, sign(local, key, int(time.time())))).status_code == 404
