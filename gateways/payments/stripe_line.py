"""The line to Stripe: httpx, as Stripe's SDK wants to be connected."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import stripe

Answer = tuple[Any, int, Mapping[str, str]]


class StripeLine(stripe.HTTPClient):
    """Each request may take so many seconds. The SDK's own line over httpx speaks to it in a way that is deprecated."""

    name = "httpx"

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(timeout=seconds)

    async def request_async(self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None) -> Answer:
        try:
            response = await self._client.request(method, url, headers=dict(headers), content=post_data)
        except httpx.HTTPError as error:
            raise stripe.APIConnectionError(type(error).__name__, should_retry=True) from None
        return response.content, response.status_code, response.headers

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._client.aclose()
