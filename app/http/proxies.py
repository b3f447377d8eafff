"""Which proxies are believed about the client: those whose networks are set, and nobody by default (ASVS 4.1.3)."""

from collections.abc import Sequence

from auth.networks import Network, client_address, is_within


class TrustedProxies:
    """Networks of proxies that replace or extend X-Forwarded-For and X-Forwarded-Proto themselves."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusts(self, peer: str | None) -> bool:
        """Whether the socket's other end is such a proxy."""
        return peer is not None and is_within(peer, self._networks)

    def client(self, peer: str | None, forwarded_for: str) -> str | None:
        """The nearest address that is no trusted proxy's: what lies behind it, anyone may have written."""
        if peer is None or not self._networks:
            return peer
        return client_address(peer, forwarded_for, self._networks)
