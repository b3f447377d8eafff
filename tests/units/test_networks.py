from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.networks import client_address, coarse, throttled_as

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:99::/48"))
JUNK = [
    "",
    "unknown",
    "unix:",
    "_hidden",
    "1.2.3",
    "1.2.3.4.5",
    "::::",
    "\0",
    "\ud800",
    "999.1.1.1",
    "[::1",
    "1" * 10_000,
]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_only_the_network_of_an_address_may_be_kept_p14(address: str, network: str):
    assert coarse(address) == network


@given(st.ip_addresses())
def test_coarse_network_holds_the_address_and_forgets_the_rest(address: IPv4Address | IPv6Address):
    kept = ip_network(coarse(str(address)) or "")
    plain = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
    assert plain in kept
    assert kept.prefixlen == {4: 24, 6: 48}[plain.version]


@pytest.mark.parametrize("junk", JUNK[:10])
def test_what_is_no_address_has_no_network(junk: str):
    assert coarse(junk) is None


def test_attempts_are_counted_by_ipv4_address_and_ipv6_line():
    assert throttled_as("203.0.113.7") != throttled_as("203.0.113.8")
    assert throttled_as("2001:db8::1") == throttled_as("2001:db8::ffff:1")
    assert throttled_as("2001:db8::1") != throttled_as("2001:db8:0:1::1")
    assert throttled_as("unix:") == "unix:"


def test_socket_address_counts_when_no_proxy_is_trusted():
    assert client_address("203.0.113.7", "198.51.100.1", ()) == "203.0.113.7"


def test_forwarded_address_of_an_untrusted_peer_is_not_believed():
    assert client_address("203.0.113.7", "198.51.100.1", PROXIES) == "203.0.113.7"


def test_trusted_proxy_says_who_its_client_is():
    assert client_address("10.1.2.3", "198.51.100.1", PROXIES) == "198.51.100.1"
    assert client_address("2001:db8:99::1", "2001:db8::7", PROXIES) == "2001:db8::7"


def test_right_most_untrusted_address_counts_and_what_the_client_wrote_does_not():
    assert client_address("10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9", PROXIES) == "198.51.100.1"


def test_client_within_the_trusted_networks_is_the_left_most():
    assert client_address("10.1.2.3", "10.0.0.1, 10.0.0.2", PROXIES) == "10.0.0.1"


def test_no_forwarded_address_leaves_the_proxy():
    assert client_address("10.1.2.3", None, PROXIES) == "10.1.2.3"
    assert client_address("10.1.2.3", "", PROXIES) == "10.1.2.3"


@pytest.mark.parametrize("junk", JUNK)
def test_junk_ends_the_search_at_the_proxy_that_wrote_it(junk: str):
    assert client_address("10.1.2.3", f"1.1.1.1, {junk}, 10.9.9.9", PROXIES) == "10.9.9.9"
    assert client_address("10.1.2.3", f"1.1.1.1, {junk}", PROXIES) == "10.1.2.3"


@pytest.mark.parametrize(
    "entry", ["198.51.100.1:4711", ' "198.51.100.1" ', "::ffff:198.51.100.1", "[::ffff:198.51.100.1]:4711"]
)
def test_address_may_be_written_as_proxies_write_it(entry: str):
    assert client_address("10.1.2.3", entry, PROXIES) == "198.51.100.1"


def test_mapped_address_of_a_proxy_is_trusted_like_its_ipv4_address():
    assert client_address("::ffff:10.1.2.3", "198.51.100.1", PROXIES) == "198.51.100.1"


def test_endless_header_is_not_walked_to_its_end():
    assert client_address("10.1.2.3", "1.1.1.1," + "10.0.0.1," * 100_000 + "10.0.0.1", PROXIES) == "10.0.0.1"


def test_peer_that_is_no_address_is_answered_as_it_is():
    assert client_address("", "198.51.100.1", PROXIES) == ""


@given(
    st.text(st.characters(), max_size=100), st.lists(st.text(st.characters(), max_size=80) | st.ip_addresses().map(str))
)
def test_client_address_answers_for_any_headers(peer: str, entries: list[str]):
    assert client_address(peer, ",".join(entries), ()) in {peer, _canonical(peer)}
    ip_address(client_address("10.1.2.3", ",".join(entries), PROXIES))


def _canonical(peer: str) -> str:
    return client_address(peer, None, ())
