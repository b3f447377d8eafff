"""The context of one request: who claims to ask, from where, and what resolvers work with."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app import identity
from app.http.request import HttpRequest
from auth.devices import recognise
from auth.networks import coarse
from auth.viewer import Viewer
from models.classification import Channel
from resolvers.context import Client, Context, Response, Services


@dataclass(slots=True)
class RequestContext(Context):
    """`viewer` is who the caller claims to be until `identify` has asked the database."""

    known: bool = False
    hints: identity.Hints = field(default_factory=identity.Hints)

    async def identify(self) -> Viewer:
        """Who is asking, by one statement, once; a credential that is no good any more is an anonymous caller."""
        if not self.known:
            self.viewer = await identity.identify(self.database, self.viewer, self.hints)
            self.known = True
            if self.viewer.channel is Channel.IN_STORE:
                self._client = replace(self.client, channel=Channel.IN_STORE)
        return self.viewer

    async def note_use(self) -> None:
        await identity.note_use(self.database, self.viewer)


def context_maker(services: Services) -> Callable[[HttpRequest], RequestContext]:
    """What makes a request's context."""
    hints = identity.Hints()

    def make(request: HttpRequest) -> RequestContext:
        viewer = identity.claimed(request, hints) if request.visit is None else request.visit.viewer
        response = Response(request.answers_with_headers)
        return RequestContext(services, lambda: client_of(request), viewer, response, hints=hints)

    return make


def client_of(request: HttpRequest) -> Client:
    """Where the request comes from: coarse where it may be stored (P14, P16)."""
    address = request.client_address or ""
    device = recognise(request.header("user-agent"))
    channel = Channel.MOBILE if request.header("x-channel") == Channel.MOBILE else Channel.WEB
    return Client(
        address=address,
        network=coarse(address),
        device_name=device.name,
        device_kind=device.kind,
        channel=channel,
        cookie=request.cookie,
    )
