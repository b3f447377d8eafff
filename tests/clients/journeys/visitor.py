"""Somebody with a client of their own, signed in or not."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import cast

import httpx
import pytest
from layette_client import LayetteClient
from layette_client.async_base_client import HttpClient
from layette_client.enums import UserErrorCode, ViewerKind
from layette_client.exceptions import GraphQLClientGraphQLMultiError, GraphQLClientHttpError
from layette_client.fragments import Refused
from layette_client.input_types import SignInInput

from tests.clients.shop_process import OpenShop


@dataclass(frozen=True, slots=True)
class Visitor:
    """A device with a client. What it sends as its session is `token`."""

    api: LayetteClient
    http: httpx.AsyncClient

    @property
    def token(self) -> str | None:
        sent = self.http.headers.get("authorization")
        return sent and sent.removeprefix("Bearer ")

    def carry(self, token: str | None) -> None:
        """Sends this session from now on, or none."""
        self.http.headers.pop("authorization", None)
        if token is not None:
            self.http.headers["authorization"] = f"Bearer {token}"
        # Its sockets say it in their first message.
        self.api.ws_connection_init_payload = {"Authorization": f"Bearer {token}"} if token is not None else None

    async def sign_in(self, given: SignInInput) -> None:
        payload = (await self.api.sign_in(given)).sign_in
        assert not payload.user_errors, payload.user_errors
        assert payload.session is not None
        self.carry(payload.session.token)

    async def kind(self) -> ViewerKind:
        return (await self.api.who_am_i()).viewer.kind


@asynccontextmanager
async def visitor(shop: OpenShop) -> AsyncGenerator[Visitor]:
    async with httpx.AsyncClient(timeout=30) as http:
        url = f"{shop.url}/graphql"
        # The protocol that the client asks for names its arguments loosely; httpx is what it uses itself.
        api = LayetteClient(url, http_client=cast("HttpClient", http), ws_url=url.replace("http", "ws", 1))
        yield Visitor(api, http)


@asynccontextmanager
async def customer(shop: OpenShop, email: str) -> AsyncGenerator[Visitor]:
    """One of the seeded customers, signed in."""
    async with visitor(shop) as signed_in:
        await signed_in.sign_in(SignInInput(identifier=email, password=shop.password))
        yield signed_in


def codes(refused: Sequence[Refused]) -> list[UserErrorCode]:
    return [each.code for each in refused]


@contextmanager
def answered_with(code: str) -> Generator[None]:
    """Around a call whose answer has this one error, whatever the status of HTTP."""
    with pytest.raises((GraphQLClientGraphQLMultiError, GraphQLClientHttpError)) as caught:
        yield
    assert _codes(caught.value) == [code]


def _codes(error: GraphQLClientGraphQLMultiError | GraphQLClientHttpError) -> list[object]:
    if isinstance(error, GraphQLClientGraphQLMultiError):
        return [each.extensions and each.extensions["code"] for each in error.errors]
    assert isinstance(error.response, httpx.Response)
    return [each["extensions"]["code"] for each in error.response.json()["errors"]]
