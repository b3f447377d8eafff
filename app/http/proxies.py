"""Which proxies are believed about the client: those whose networks are set, and nobody by default (ASVS 4.1.3)."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address


class TrustedProxies:
    """Networks of proxies that replace or extend X-Forwarded-For and X-Forwarded-Proto themselves."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusts(self, peer: str | None) -> bool:
        """Whether the socket's other end is such a proxy."""
        if not self._networks or peer is None:
            return False
        address = _address(peer)
        return address is not None and self._inside(address)

    def client(self, peer: str | None, forwarded_for: str) -> str | None:
        """The nearest address that is no trusted proxy's: what lies behind it, anyone may have written."""
        if not self.trusts(peer):
            return peer
        client = peer
        for entry in reversed(forwarded_for.split(",")):
            address = _address(entry.strip())
            if address is None:
                break
            client = str(address)
            if not self._inside(address):
                break
        return client

    def _inside(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    """An address, which a proxy may have written with a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
