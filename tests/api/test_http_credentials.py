"""Whose credentials count, and where another site could have sent them."""

from ipaddress import ip_network

import pytest

from app.http.proxies import TrustedProxies
from app.http.request import HttpRequest
from tests.support.edge import Edge

ME = "{ me { name } }"
SIGNED_IN = {"data": {"me": {"name": "CUSTOMER"}}}
ANONYMOUS = {"data": {"me": None}}
COOKIE = {"cookie": "theme=dark; __Host-layette=lys_a"}


async def test_bearer_token_counts(edge: Edge):
    assert (await edge.post(ME, headers={"authorization": "Bearer lys_a"})).json() == SIGNED_IN
    assert (await edge.post(ME, headers={"authorization": "bearer  lys_a"})).json() == SIGNED_IN


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic lys_a", "Bearer a b", "Bearer ü", "Bearer a\tb", "Bearer " + "a" * 600]
)
async def test_what_is_no_bearer_token_is_nobodys(edge: Edge, value: str):
    response = await edge.post(ME, headers=[("authorization", value.encode("latin-1"))])
    assert response.json() == ANONYMOUS


async def test_cookie_counts_where_the_body_is_json(edge: Edge):
    assert (await edge.post(ME, headers=COOKIE)).json() == SIGNED_IN


async def test_cookie_of_a_get_that_any_site_can_send_is_ignored(edge: Edge):
    assert (await edge.client.get("/graphql", params={"query": ME}, headers=COOKIE)).json() == ANONYMOUS


@pytest.mark.parametrize("proof", ["Apollo-Require-Preflight", "X-Requested-With", "X-Layette-CSRF"])
async def test_cookie_of_a_get_with_a_header_of_its_own_counts(edge: Edge, proof: str):
    response = await edge.client.get("/graphql", params={"query": ME}, headers={**COOKIE, proof: "1"})
    assert response.json() == SIGNED_IN


async def test_bearer_token_of_a_get_counts(edge: Edge):
    headers = {"authorization": "Bearer lys_a"}
    assert (await edge.client.get("/graphql", params={"query": ME}, headers=headers)).json() == SIGNED_IN


async def test_form_with_a_cookie_is_refused_whatever_it_says(edge: Edge):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=a"):
        headers = {**COOKIE, "content-type": content_type, "x-requested-with": "1"}
        response = await edge.client.post("/graphql", content=b'{"query":"mutation{signOut}"}', headers=headers)
        assert response.status_code == 415


async def test_session_that_ended_is_an_anonymous_caller(edge: Edge):
    gone = {"authorization": "Bearer gone"}
    assert (await edge.post(ME, headers=gone)).json() == ANONYMOUS
    assert (await edge.post("{ me { name } product { name } }", headers=gone)).json()["data"]["me"] is None


async def test_use_of_a_session_is_noted_when_the_read_says_so(edge: Edge):
    await edge.post(ME, headers={"authorization": "Bearer lys_a"})
    assert edge.engine.noted == 0
    await edge.post(ME, headers={"authorization": "Bearer stale"})
    assert edge.engine.noted == 1


async def test_compiled_reads_identify_nobody(edge: Edge):
    for query in ("{ hello }", ME):
        await edge.post(query, headers={"authorization": "Bearer lys_a"})
    assert edge.engine.identified == 0


async def test_whatever_is_executed_identifies_its_caller(edge: Edge):
    for number, query in enumerate(("{ product { name } }", "mutation { signOut }"), start=1):
        await edge.post(query)
        assert edge.engine.identified == number


async def test_operation_known_as_public_is_read_once(edge: Edge):
    for _ in range(3):
        await edge.post("{ hello }", headers={"authorization": "Bearer lys_a"})
    assert edge.engine.reads == 3


async def test_operation_that_was_public_for_other_variables_is_still_its_callers(edge: Edge):
    query = "query ($mine: Boolean!) { hello me @include(if: $mine) { name } }"
    signed_in = {"authorization": "Bearer lys_a"}
    operation = edge.engine.prepare(query, None)
    operation.notes["public"] = True
    response = await edge.post(query, headers=signed_in, variables={"mine": True})
    assert response.json()["data"]["me"] == {"name": "CUSTOMER"}
    assert operation.notes["public"] is False


def request(*headers: tuple[str, str], client: tuple[str, int] | None = ("10.0.0.1", 1)) -> HttpRequest:
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "client": client,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in (("host", "shop.test"), *headers)],
    }
    found = HttpRequest(scope, TrustedProxies([ip_network("10.0.0.0/8")]))
    found.check()
    return found


def test_client_behind_a_trusted_proxy_has_its_own_address_and_tls():
    forwarded = request(
        ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https")
    )
    assert (forwarded.client_address, forwarded.secure) == ("198.51.100.1", True)


def test_client_of_another_address_is_not_believed_about_itself():
    headers = (("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https"))
    direct = request(*headers, client=("203.0.113.9", 1))
    assert (direct.client_address, direct.secure) == ("203.0.113.9", False)
    assert request(*headers, client=None).client_address is None


def test_first_cookie_of_a_name_counts_also_over_several_lines():
    found = request(("content-type", "application/json"), ("cookie", 'a=1; b="2"'), ("cookie", "a=3; c"))
    assert [found.cookie(name) for name in ("a", "b", "c", "d")] == ["1", "2", "", None]
