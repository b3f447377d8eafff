"""The installation that a fictional shop is planted in, and one planting of it."""

from dataclasses import dataclass, field
from pathlib import Path

from commerce.tax import Place
from gateways.payments.local import LocalGateway
from seeds.counting import Progress
from seeds.rows import Connection


@dataclass(frozen=True, slots=True)
class Installation:
    """`secret` seals measurements; `gateway` is the folder of the local payment gateway's book.

    What is picked up is taxed at `store`; `ships_to` has the countries that the standard shipping goes to.
    """

    secret: bytes = field(repr=False)
    gateway: Path
    store: Place
    ships_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planting:
    """What a shop is planted with: all within the connection's transaction, but for the gateway's book."""

    connection: Connection
    gateway: LocalGateway
    installation: Installation
    password_hash: str = field(repr=False)
    progress: Progress
