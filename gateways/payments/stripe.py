"""Stripe: PaymentIntents for charges, SetupIntents for saved cards, over its SDK and httpx.

Stripe is told amounts, our keys and tokens, and of a customer nothing (P42). Our keys are its idempotency keys and
stand in the metadata of what they made, so that it is found again when an answer was lost.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import stripe
import structlog
from stripe import PaymentIntent, SetupIntent, StripeClient, WebhookSignature

from gateways.payments import (
    BadSignature,
    Charged,
    ChargeRequest,
    GatewayEvent,
    GatewayTimeout,
    InvalidToken,
    KeyReused,
    SavedMethod,
)
from gateways.payments.stripe_line import StripeLine
from gateways.payments.stripe_objects import (
    CLIENT_TOKEN,
    EXPANDED,
    SAVED_TOKEN,
    Marks,
    charged,
    is_refused,
    saved,
)
from models.payment import RefundStatus

log = structlog.get_logger("payments")

SECONDS = 8.0
"""How long each request may take; one that fails for the line is repeated once."""

TOLERANCE = 300
"""Seconds that a webhook's signature is good for."""

SKEW = timedelta(minutes=5)
LATEST = timedelta(hours=1)
"""How long after its key was made a charge may have reached Stripe."""

_CODE = re.compile(r"[a-z0-9_]{1,60}")

stripe.enable_telemetry = False  # it would tell Stripe about the machine


@dataclass(frozen=True, slots=True)
class Account:
    """What the shop has of Stripe; `shop_secret` makes the marks by which it knows its own charges."""

    key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    shop_secret: bytes = field(repr=False)
    url: str = "https://api.stripe.com"


class StripeGateway:
    """The shop's account at Stripe."""

    name = "stripe"

    def __init__(self, account: Account, *, line: StripeLine | None = None) -> None:
        self._line = line or StripeLine(SECONDS)
        client = StripeClient(
            account.key, base_addresses={"api": account.url}, http_client=self._line, max_network_retries=1
        )
        self._v1 = client.v1
        self._webhook_secret = account.webhook_secret
        self._marks = Marks(account.shop_secret)

    async def charge(self, request: ChargeRequest) -> Charged:
        params: Any = {
            "amount": request.amount,
            "currency": request.currency.lower(),
            "allowed_payment_method_types": ["card"],
            "capture_method": "automatic" if request.capture else "manual",
            "confirm": True,
            "metadata": self._marks.of(charge_id=request.charge_id, order_id=request.order_id),
            "expand": [*EXPANDED],
            **_source(request),
        }
        try:
            async with _asking(unknown=InvalidToken):
                intent = await self._v1.payment_intents.create_async(params, _key("charge", request.charge_id))
        except stripe.CardError as declined:
            return await self._declined(request.charge_id, declined)
        return self._shown(await self._final(intent))

    async def _declined(self, charge_id: UUID, declined: stripe.CardError) -> Charged:
        """The refusal as it stands in Stripe's book."""
        told: Any = declined.error.payment_intent if declined.error is not None else None
        found = await self.find(charge_id, gateway_key=told and told.id)
        if found is None:
            raise GatewayTimeout("declined, but not found")
        return found

    async def find(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        intent = await self._intent(charge_id, gateway_key)
        return None if intent is None else self._shown(await self._final(intent))

    async def resume(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        return await self.find(charge_id, gateway_key=gateway_key)

    async def void(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        intent = await self._intent(charge_id, gateway_key)
        if intent is None:
            return None
        ended = intent.status in {"succeeded", "canceled"}
        return self._shown(intent if ended else await self._cancelled(intent))

    async def capture(self, charge_id: UUID, amount: int, *, gateway_key: str | None = None) -> Charged | None:
        intent = await self._intent(charge_id, gateway_key)
        if intent is not None and intent.status == "requires_capture":
            params: Any = {"amount_to_capture": amount, "expand": [*EXPANDED]}
            async with _asking():
                intent = await self._v1.payment_intents.capture_async(intent.id, params, _key("capture", charge_id))
        return None if intent is None else self._shown(intent)

    async def refund(
        self, charge_id: UUID, refund_id: UUID, amount: int, *, gateway_key: str | None = None
    ) -> RefundStatus:
        intent = await self._intent(charge_id, gateway_key)
        if intent is None:
            return RefundStatus.FAILED
        known = await self._refund(intent.id, refund_id)
        if known is None:
            if not 0 < amount <= self._shown(intent).held or intent.status != "succeeded":
                return RefundStatus.FAILED
            params: Any = {
                "payment_intent": intent.id,
                "amount": amount,
                "metadata": self._marks.of(refund_id=refund_id),
            }
            async with _asking():
                known = await self._v1.refunds.create_async(params, _key("refund", refund_id))
        return _refund_status(known.status)

    async def _refund(self, intent_id: str, refund_id: UUID) -> stripe.Refund | None:
        """The refund of our key: Stripe forgets idempotency keys after a day, and a refund may be asked for later."""
        async with _asking():
            page = await self._v1.refunds.list_async({"payment_intent": intent_id, "limit": 100})
            async for refund in page.auto_paging_iter():
                if self._marks.read(refund.metadata, "refund_id") == refund_id:
                    return refund
        return None

    async def save(self, token: str, key: UUID) -> SavedMethod | None:
        if not CLIENT_TOKEN.fullmatch(token):
            raise InvalidToken
        marked = self._marks.of(card_id=key)
        async with _asking():
            customer = await self._v1.customers.create_async({"metadata": marked}, _key("customer", key))
        try:
            async with _asking(unknown=InvalidToken):
                setup = await self._set_up(customer.id, token, key)
        except (stripe.CardError, InvalidToken) as refused:
            await self._forget(customer.id)
            if isinstance(refused, InvalidToken):
                raise
            return None
        return saved(setup, customer.id)

    async def _set_up(self, customer: str, token: str, key: UUID) -> SetupIntent:
        setups = self._v1.setup_intents
        params: Any = {
            "customer": customer,
            "usage": "on_session",
            "allowed_payment_method_types": ["card"],
            "metadata": self._marks.of(card_id=key),
        }
        begun = await setups.create_async(params, _key("setup", key))
        await setups.confirm_async(begun.id, {"payment_method": token}, _key("confirm", key))
        # Asked again with its key, Stripe answers what it answered then; since, the customer may have been at the bank.
        return await setups.retrieve_async(begun.id, {"expand": ["payment_method"]})

    async def forget(self, token: str) -> None:
        known = SAVED_TOKEN.fullmatch(token)
        if known is not None:
            await self._forget(known[1])

    async def _forget(self, customer: str) -> None:
        try:
            async with _asking(unknown=_NotThere):
                await self._v1.customers.delete_async(customer)
        except _NotThere:
            return

    async def book(self, since: datetime | None = None) -> AsyncIterator[Charged]:
        found = [self._shown(intent) async for intent in self._listed(since, None)]
        for one in reversed(found):
            yield one

    def read_event(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        try:
            WebhookSignature.verify_header(body, headers.get("stripe-signature"), self._webhook_secret, TOLERANCE)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            raise BadSignature from None
        event = json.loads(body)
        about = event.get("data", {}).get("object", {})
        is_charge = about.get("object") == "payment_intent"
        return GatewayEvent(event["id"], self._marks.read(about.get("metadata"), "charge_id") if is_charge else None)

    async def close(self) -> None:
        await self._line.close_async()

    async def _intent(self, charge_id: UUID, gateway_key: str | None) -> PaymentIntent | None:
        """The intent of a charge of ours, by Stripe's key or else among those of its time."""
        if gateway_key:
            try:
                async with _asking(unknown=_NotThere):
                    intent = await self._v1.payment_intents.retrieve_async(gateway_key, {"expand": [*EXPANDED]})
            except _NotThere:
                return None
            return intent if self._marks.read(intent.metadata, "charge_id") == charge_id else None
        made = datetime.fromtimestamp((charge_id.int >> 80) / 1000, UTC)
        async for intent in self._listed(made - SKEW, made + LATEST):
            if self._marks.read(intent.metadata, "charge_id") == charge_id:
                return intent
        return None

    async def _listed(self, since: datetime | None, until: datetime | None) -> AsyncIterator[PaymentIntent]:
        """Intents, the newest first. Unlike a search, Stripe's lists have what was written a moment ago."""
        between = {
            name: int(moment.timestamp()) for name, moment in (("gte", since), ("lte", until)) if moment is not None
        }
        params: Any = {"limit": 100, "expand": [f"data.{name}" for name in EXPANDED]}
        async with _asking():
            page = await self._v1.payment_intents.list_async(params | ({"created": between} if between else {}))
            async for intent in page.auto_paging_iter():
                yield intent

    async def _final(self, intent: PaymentIntent) -> PaymentIntent:
        """A refused payment is ended: the shop has told its customer so, who must not be able to pay it after all."""
        return await self._cancelled(intent) if is_refused(intent) else intent

    async def _cancelled(self, intent: PaymentIntent) -> PaymentIntent:
        """The intent once it is cancelled; or as it is, where it was paid before that or cannot be cancelled now."""
        params: Any = {"expand": [*EXPANDED]}
        async with _asking():
            try:
                return await self._v1.payment_intents.cancel_async(intent.id, params)
            except stripe.InvalidRequestError:
                return await self._v1.payment_intents.retrieve_async(intent.id, params)

    def _shown(self, intent: PaymentIntent) -> Charged:
        return charged(intent, self._marks)


def _source(request: ChargeRequest) -> dict[str, str]:
    """What is charged. Raises InvalidToken."""
    if not request.saved and CLIENT_TOKEN.fullmatch(request.token):
        return {"payment_method": request.token}
    known = SAVED_TOKEN.fullmatch(request.token) if request.saved else None
    if known is None:
        raise InvalidToken
    return {"customer": known[1], "payment_method": known[2]}


def _key(what: str, key: UUID) -> Any:
    """The options of a request that is done once, however often it is sent."""
    return {"idempotency_key": f"{what}-{key.hex}"}


def _refund_status(status: str | None) -> RefundStatus:
    if status == "succeeded":
        return RefundStatus.SUCCEEDED
    return RefundStatus.FAILED if status in {"failed", "canceled"} else RefundStatus.PENDING


class _NotThere(Exception):
    """Stripe does not know what it was asked about by its key."""


@asynccontextmanager
async def _asking(*, unknown: type[Exception] | None = None) -> AsyncGenerator[None]:
    """Turns what Stripe's SDK raises into the port's words; a declined card is left to the caller.

    `unknown` is raised where Stripe does not know what was named. Of an error, only its kind is told: its text repeats
    what was sent.
    """
    try:
        yield
    except stripe.CardError:
        raise
    except stripe.IdempotencyError:
        raise KeyReused("Stripe has had another request under this key") from None
    except stripe.InvalidRequestError as error:
        nameless = error.http_status == 404 or error.code == "resource_missing" or error.param == "payment_method"
        raise (unknown() if unknown is not None and nameless else _unanswered(error)) from None
    except stripe.StripeError as error:
        raise _unanswered(error) from None


def _unanswered(error: stripe.StripeError) -> GatewayTimeout:
    code = error.code if error.code and _CODE.fullmatch(error.code) else None
    log.warning("payments.no_answer", error=type(error).__name__, status=error.http_status, code=code)
    return GatewayTimeout(type(error).__name__)
