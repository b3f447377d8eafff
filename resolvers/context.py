"""What a request brings to its resolvers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import strawberry

from auth.viewer import ANONYMOUS, Viewer
from commerce.tax import Place
from models.classification import Channel
from models.database import Database
from resolvers.baskets import Baskets

if TYPE_CHECKING:
    from auth.passwords import PasswordHasher
    from auth.throttle import Throttle
    from commerce.order_watch import OrderWatch
    from commerce.product_media import Gallery
    from gateways.payments import PaymentGateway
    from reads.engine import Engine
    from reads.operations import Operation


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What the shop says of itself; links in mails begin with `public_url`. What is picked up is taxed at `store`."""

    name: str
    support_email: str
    ships_to: tuple[str, ...]
    public_url: str
    store: Place


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from.

    `address` is for throttling within this request alone and is never stored; what may be stored is `network` (P14),
    `device_name` and `device_kind` (P16).
    """

    address: str = field(repr=False)
    network: str | None
    device_name: str | None
    device_kind: str
    channel: Channel = Channel.WEB
    cookie: Callable[[str], str | None] = field(default=lambda name: None, repr=False)


@dataclass(slots=True)
class Response:
    """What resolvers add to the answer's headers. A socket's answers have none.

    `clears_site`: the browser forgets what it keeps of the shop; its cookies too, unless one of them is to stay.
    """

    has_headers: bool = True
    clears_site: bool = False
    keeps_cookies: bool = False
    _added: list[tuple[str, str]] = field(default_factory=list)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names, in lower case, and values."""
        if not self.clears_site:
            return self._added
        cookies = "" if self.keeps_cookies else '"cookies", '
        return [*self._added, ("clear-site-data", f'"cache", {cookies}"storage"')]

    def add(self, name: str, value: str) -> None:
        self._added.append((name, value))

    def keep_cookie(self, cookie: str) -> None:
        """Sets a cookie that is to stay, whatever else of the request clears the site."""
        self.add("set-cookie", cookie)
        self.keeps_cookies = True


@dataclass(slots=True)
class Services:
    """What lives as long as the process."""

    database: Database
    engine: "Engine"
    throttle: "Throttle"
    passwords: "PasswordHasher"
    shop: ShopFacts
    secret: bytes = field(repr=False)
    payments: "PaymentGateway"
    orders: "OrderWatch"
    gallery: "Gallery"


@dataclass(slots=True)
class Context:
    """One request. `viewer` is who it is, once identified; a mutation that signs in or out sets it anew.

    `answered_under_13`: the request itself has said so, before its cookie can.
    """

    services: Services
    find_client: Callable[[], Client]
    viewer: Viewer = ANONYMOUS
    response: Response = field(default_factory=Response)
    operation: "Operation | None" = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    answered_under_13: bool = False
    _client: Client | None = None
    _baskets: Baskets | None = None

    @property
    def baskets(self) -> Baskets:
        """The carts of the request."""
        if self._baskets is None:
            self._baskets = Baskets(self.database, self.services.secret)
        return self._baskets

    @property
    def client(self) -> Client:
        """Where the request comes from, found out when first asked for."""
        if self._client is None:
            self._client = self.find_client()
        return self._client

    @property
    def account_id(self) -> UUID:
        """Whose account is signed in: for operations that the signed out may not call."""
        account_id = self.viewer.account_id
        assert account_id is not None
        return account_id

    @property
    def database(self) -> Database:
        return self.services.database

    @property
    def engine(self) -> "Engine":
        return self.services.engine


Info = strawberry.Info[Context, None]
