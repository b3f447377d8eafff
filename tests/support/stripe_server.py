"""A stand-in for Stripe as a process of its own, and the line to it, which does what the stand-in lacks.

localstripe is under the GPL and has an environment of its own: it is run, never imported.
"""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import stripe

from app.settings import ROOT
from gateways.payments.stripe import Account
from gateways.payments.stripe_line import Answer, StripeLine

PROGRAM = ROOT / ".venv-localstripe" / "bin" / "localstripe"
LOOPBACK = ROOT / "tests" / "support" / "loopback"
KEY = "sk_test_layette"
WEBHOOK_SECRET = "whsec_layette"


@contextmanager
def stripe_process() -> Generator[str]:
    """Runs localstripe on this machine alone, at the URL that is given; killed at the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [PROGRAM, "--port", str(port), "--from-scratch"],
        env={**os.environ, "PYTHONPATH": str(LOOPBACK)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("localstripe does not start: make check installs it")


class Line(StripeLine):
    """The SDK's way to Stripe. It adds what Stripe has and its stand-in has not, and fails when it is told to.

    Idempotency keys, the allowed types of payment methods, lists by time and the amount received. `lose_answers` and
    `lose_requests` count what will get lost, each as often as the SDK repeats it.
    """

    def __init__(self) -> None:
        super().__init__(8)
        self.lose_answers = 0
        self.lose_requests = 0
        self.sent: list[tuple[str, str, str]] = []
        self._answered: dict[str, tuple[Any, Answer]] = {}
        self._turn = asyncio.Lock()

    async def sleep_async(self, secs: float) -> None:
        """Does not wait before it tries again."""

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        self._answered.clear()

    async def request_async(self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None) -> Answer:
        self.sent.append((method, url, str(post_data or "")))
        if self.lose_requests:
            self.lose_requests -= 1
            raise stripe.APIConnectionError("lost", should_retry=True)
        key = headers.get("Idempotency-Key", "")
        async with self._turn:
            before = self._answered.get(key)
            answer = before[1] if before else await self._ask(method, url, headers, post_data)
            if key:
                self._answered.setdefault(key, (post_data, answer))
        if before and before[0] != post_data:
            return b'{"error": {"type": "idempotency_error"}}', 400, {}
        if self.lose_answers:
            self.lose_answers -= 1
            raise stripe.APIConnectionError("lost", should_retry=True)
        return answer

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], post_data: Any) -> Answer:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        between = {name: int(query.pop(f"created[{name}]", edge)) for name, edge in (("gte", 0), ("lte", 1 << 40))}
        url = urlunsplit(parts._replace(query=urlencode(query)))
        if post_data:
            post_data = post_data.replace("allowed_payment_method_types", "payment_method_types")
        content, status, answered = await super().request_async(method, url, headers, post_data)
        return _completed(content, between), status, answered


def _completed(content: bytes, between: Mapping[str, int]) -> bytes:
    body = json.loads(content)
    if body.get("object") == "list":
        body["data"] = [one for one in body["data"] if between["gte"] <= one["created"] <= between["lte"]]
        body["data"].reverse()
    for one in body["data"] if body.get("object") == "list" else [body]:
        if one.get("object") == "payment_intent":
            one["amount_received"] = _received(one)
    return json.dumps(body).encode()


def _received(intent: Mapping[str, Any]) -> int:
    charge = intent["latest_charge"]
    return charge["amount"] if charge and charge["status"] == "succeeded" and charge["captured"] else 0


def account(url: str, shop_secret: bytes = b"the secret of a test's shop") -> Account:
    return Account(KEY, WEBHOOK_SECRET, shop_secret, url)


def new_card(url: str, number: str) -> str:
    """The token of a card, as a browser gets it from Stripe."""
    card = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    form = {"type": "card", **{f"card[{name}]": value for name, value in card.items()}}
    answer = httpx.post(f"{url}/v1/payment_methods", data=form, auth=(KEY, ""))
    return answer.raise_for_status().json()["id"]


def be_at_the_bank(url: str, client_secret: str, *, succeed: bool) -> None:
    """What the customer does with their bank."""
    intent = client_secret.partition("_secret_")[0]
    done = {"client_secret": client_secret, "success": str(succeed).lower()}
    httpx.post(f"{url}/v1/payment_intents/{intent}/_authenticate", data=done, auth=(KEY, ""))
