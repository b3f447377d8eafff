"""Who a request claims to be, without asking the database."""

from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from app.identity import Hints, claimed
from auth.roles import permissions_of, purposes_of
from auth.tokens import Kind, new_token
from auth.viewer import ANONYMOUS, Claim, StaffFacts, Viewer, ViewerKind

TOKEN = new_token(Kind.SESSION)


@dataclass
class Request:
    """Headers and cookies."""

    headers: dict[str, str] = field(default_factory=dict)
    bearer_token: str | None = TOKEN.text

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def cookie(self, name: str) -> str | None:
        return None


def request(**headers: str) -> Request:
    return Request({"authorization": "…"} | {name.replace("_", "-"): value for name, value in headers.items()})


def member(digest: bytes, *roles: str) -> Viewer:
    facts = StaffFacts(uuid4(), 1, roles, frozenset(purposes_of(roles)), True, True)
    return Viewer(ViewerKind.STAFF, uuid4(), uuid4(), digest, permissions_of(roles), staff=facts)


@pytest.mark.parametrize(
    ("headers", "claim"),
    [
        ({}, Claim()),
        ({"x_purpose": "ACCESS"}, Claim("ACCESS")),
        ({"x_purpose": " ACCESS\t", "x_case": " T-1 "}, Claim("ACCESS", "T-1")),
        ({"x_purpose": ""}, Claim()),
        ({"x_case": "T-1"}, Claim(None, "T-1")),
        ({"x_purpose": "x" * 5000}, Claim("NONE")),
        ({"x_purpose": "ACCESS, ACCESS"}, Claim("NONE")),
        ({"x_purpose": "__class__"}, Claim("NONE")),
        ({"x_purpose": "ACCESS", "x_case": "y" * 101}, Claim("ACCESS")),
        ({"x_purpose": "ACCESS", "x_case": "T\x01"}, Claim("ACCESS")),
        ({"x_purpose": "ACCESS", "x_case": "card 4111 1111 1111 1111"}, Claim("ACCESS")),
    ],
)
def test_claim_is_what_the_headers_say(headers: dict[str, str], claim: Claim):
    assert claimed(request(**headers), Hints()).claim == claim


def test_words_that_are_no_purpose_make_one_plan():
    hints = Hints()
    hints.note(TOKEN.digest, member(TOKEN.digest, "support"))
    accesses = {claimed(request(x_purpose=f"word {n}", x_case=f"case {n}"), hints).access for n in range(100)}
    assert len(accesses) == 1


def test_without_a_session_there_is_no_claim():
    nobody = Request({"x-purpose": "ACCESS"}, bearer_token=None)
    assert claimed(nobody, Hints()) is ANONYMOUS
    for kind in set(Kind) - {Kind.SESSION}:
        assert claimed(Request({"authorization": "…"}, new_token(kind).text), Hints()) is ANONYMOUS


def test_session_is_a_customers_until_it_is_known_as_a_members():
    hints = Hints()
    assert claimed(request(), hints).kind is ViewerKind.CUSTOMER
    known = member(TOKEN.digest, "support")
    hints.note(TOKEN.digest, known)
    hinted = claimed(request(x_purpose="ACCESS"), hints)
    assert (hinted.kind, hinted.staff, hinted.permissions) == (ViewerKind.STAFF, known.staff, known.permissions)
    hints.note(TOKEN.digest, ANONYMOUS)
    assert claimed(request(), hints).kind is ViewerKind.CUSTOMER


def test_hint_does_not_remember_what_wears_off():
    hints = Hints()
    hints.note(TOKEN.digest, member(TOKEN.digest, "support"))
    hinted = claimed(request(), hints)
    assert (hinted.account_id, hinted.session_id, hinted.stepped_up_until, hinted.claim) == (None, None, None, Claim())


def test_hints_are_bounded_and_the_oldest_go():
    hints = Hints(most=100_000)
    digests = [new_token(Kind.SESSION).digest for _ in range(200)]
    for digest in digests:
        hints.note(digest, member(digest, "owner"))
    kept = [digest for digest in digests if hints.recall(digest).kind is ViewerKind.STAFF]
    assert 0 < len(kept) < 100
    assert kept == digests[-len(kept) :]
