"""Network addresses: who is calling, and how much of that may be kept.

An address is used whole within one request alone, to throttle it. What is stored is its network (P14).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address

# A proxy adds one entry; what stands further left than this many was written by the caller.
_MOST_PROXIES = 16
_LONGEST_ENTRY = 64


def client_address(peer: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """The address a request came from: the socket's, unless that is a trusted proxy's (ASVS 4.1.3).

    Of `X-Forwarded-For` (several headers joined by commas) the right-most entry that is not itself a trusted proxy
    counts: everything left of it is the caller's own word. An entry that is no address ends the search at the proxy
    that wrote it. A peer that is no address (a Unix socket) is answered as it is.
    """
    nearest = _address(peer)
    if nearest is None:
        return peer
    for entry in reversed((forwarded or "").rsplit(",", _MOST_PROXIES)):
        if not _is_within(nearest, trusted):
            break
        further = _address(entry)
        if further is None:
            break
        nearest = further
    return str(nearest)


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address lies in one of the networks; what is no address lies in none."""
    found = _address(address) if networks else None
    return found is not None and _is_within(found, networks)


def coarse(address: str) -> str | None:
    """The network that may be kept of an address: its /24, or /48 for IPv6 (P14); None for what is no address."""
    return _network(address, ipv4_length=24, ipv6_length=48)


def throttled_as(address: str) -> str:
    """What to count an address's attempts by: itself, or its /64 for IPv6, where one line has that many addresses."""
    return _network(address, ipv4_length=32, ipv6_length=64) or address


def _network(address: str, *, ipv4_length: int, ipv6_length: int) -> str | None:
    found = _address(address)
    if found is None:
        return None
    length = ipv4_length if isinstance(found, IPv4Address) else ipv6_length
    others = found.max_prefixlen - length
    return f"{type(found)(int(found) >> others << others)}/{length}"


def _is_within(address: _Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> _Address | None:
    """An address as proxies write it: with or without a port, brackets, quotes or a zone; IPv4 within IPv6 is IPv4."""
    text = text[: _LONGEST_ENTRY + 1].strip().strip('"')
    if len(text) > _LONGEST_ENTRY:
        return None
    if text.startswith("["):
        text, closed, _ = text[1:].partition("]")
        if not closed:
            return None
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
