"""Passkeys against an authenticator in software (W3C Web Authentication, sections 7.1 and 7.2)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth import passkeys
from auth.passkeys import Asked, NewPasskey, Owner, RelyingParty
from tests.support.authenticator import (
    EDDSA,
    ES256,
    HAS_KEY,
    RS256,
    USER_PRESENT,
    USER_VERIFIED,
    Browser,
    attested_key,
    base64url,
    edited,
    text,
)

SHOP = RelyingParty("shop.example", "https://shop.example", "Layette")
OWNER = Owner(b"an id without meaning", "ana@example.com", "Ana Ruiz")


def enrolled(browser: Browser, known: tuple[bytes, ...] = ()) -> NewPasskey:
    asked = passkeys.ask(known)
    made = passkeys.enrolled(SHOP, asked.challenge, browser.create(passkeys.enrolment(SHOP, asked, OWNER)))
    assert made is not None
    return made


def count_proved(answer: str, asked: Asked, passkey: NewPasskey, count: int | None = None) -> int | None:
    assertion = passkeys.read_assertion(answer)
    if assertion is None:
        return None
    kept = passkey.sign_count if count is None else count
    return passkeys.proved(SHOP, asked.challenge, assertion, passkey.public_key, kept)


@pytest.fixture
def browser() -> Browser:
    return Browser(SHOP.origin)


@pytest.fixture
def passkey(browser: Browser) -> NewPasskey:
    return enrolled(browser)


@pytest.fixture
def asked(passkey: NewPasskey) -> Asked:
    return passkeys.ask([passkey.credential_id])


# ---- what proves


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_passkey_is_made_and_proves_itself(algorithm: int):
    browser = Browser(SHOP.origin, algorithm)
    passkey = enrolled(browser)
    for count in (1, 2):
        asked = passkeys.ask([passkey.credential_id])
        assert count_proved(browser.get(asked.options(SHOP)), asked, passkey, count - 1) == count


def test_authenticator_that_does_not_count_says_0_always():
    browser = Browser(SHOP.origin, counts=False)
    passkey = enrolled(browser)
    for _ in range(2):
        asked = passkeys.ask([passkey.credential_id])
        assert count_proved(browser.get(asked.options(SHOP)), asked, passkey) == 0


def test_security_key_without_verification_of_its_user_is_good_enough(asked: Asked, passkey: NewPasskey):
    browser = Browser(SHOP.origin, flags=USER_PRESENT)
    assert enrolled(browser)


def test_answers_of_a_real_browser_prove():
    """Those of Chromium 156, recorded with its virtual authenticator and an Ed25519 key."""
    recorded = json.loads(Path(__file__).with_name("passkey_of_chromium.json").read_text())
    here = passkeys.relying_party(recorded["origin"], "Layette")
    made = passkeys.enrolled(here, text(recorded["create"]["challenge"]), json.dumps(recorded["create"]["answer"]))
    assert made is not None
    assertion = passkeys.read_assertion(json.dumps(recorded["get"]["answer"]))
    assert assertion is not None
    assert assertion.credential_id == made.credential_id
    challenge = text(recorded["get"]["challenge"])
    assert passkeys.proved(here, challenge, assertion, made.public_key, made.sign_count) == 2
    assert passkeys.proved(here, challenge[::-1], assertion, made.public_key, made.sign_count) is None


def test_options_say_what_browsers_need(passkey: NewPasskey):
    asked = passkeys.ask([passkey.credential_id])
    made = json.loads(passkeys.enrolment(SHOP, asked, OWNER))
    known = [{"id": base64url(passkey.credential_id), "type": "public-key"}]
    assert made["rp"] == {"name": "Layette", "id": "shop.example"}
    assert made["user"]["name"] == "ana@example.com"
    assert (text(made["user"]["id"]), made["attestation"]) == (OWNER.handle, "none")
    assert (made["excludeCredentials"], text(made["challenge"])) == (known, asked.challenge)
    assert made["authenticatorSelection"]["userVerification"] == "preferred"
    got = json.loads(asked.options(SHOP))
    assert (got["rpId"], got["allowCredentials"], got["userVerification"]) == ("shop.example", known, "preferred")


def test_challenges_are_long_and_differ():
    challenges = {passkeys.ask([]).challenge for _ in range(100)}
    assert len(challenges) == 100
    assert min(map(len, challenges)) >= 16


@pytest.mark.parametrize("said", [{"fmt": "tpm", "attStmt": {"ver": "2.0"}}, {"fmt": "android-safetynet"}, {"fmt": 5}])
def test_what_an_authenticator_says_of_its_maker_is_not_looked_at(browser: Browser, said: dict[str, Any]):
    asked = passkeys.ask([])
    browser.create(passkeys.enrolment(SHOP, asked, OWNER))
    answer = browser.attested(browser.passkeys[0], base64url(asked.challenge), **said)
    assert passkeys.enrolled(SHOP, asked.challenge, answer) is not None


# ---- what does not


def test_answer_to_another_challenge_proves_nothing(browser: Browser, passkey: NewPasskey, asked: Asked):
    answer = browser.get(asked.options(SHOP))
    other = passkeys.ask([passkey.credential_id])
    assert count_proved(answer, other, passkey) is None
    assert count_proved(answer, asked, passkey) == 1


@pytest.mark.parametrize(
    "origin", ["https://shop.example.evil.test", "http://shop.example", "https://shop.example:8443"]
)
def test_page_of_another_origin_proves_nothing(browser: Browser, passkey: NewPasskey, asked: Asked, origin: str):
    browser.origin = origin
    assert count_proved(browser.get(asked.options(SHOP)), asked, passkey) is None
    fresh = passkeys.ask([])
    answer = Browser(origin).create(passkeys.enrolment(SHOP, fresh, OWNER))
    assert passkeys.enrolled(SHOP, fresh.challenge, answer) is None


def test_passkey_for_another_domain_proves_nothing(browser: Browser, passkey: NewPasskey, asked: Asked):
    browser.passkeys[0].rp_id = "evil.test"
    assert count_proved(browser.asserted(browser.passkeys[0], base64url(asked.challenge)), asked, passkey) is None
    fresh = passkeys.ask([])
    answer = browser.create(passkeys.enrolment(RelyingParty("evil.test", "", "x"), fresh, OWNER))
    assert passkeys.enrolled(SHOP, fresh.challenge, answer) is None


def test_signature_of_another_key_proves_nothing(browser: Browser, passkey: NewPasskey, asked: Asked):
    other = enrolled(browser)
    answer = browser.get(asked.options(SHOP))
    assert count_proved(answer, asked, NewPasskey(passkey.credential_id, other.public_key, 0)) is None


def test_user_who_is_not_there_proves_nothing(browser: Browser, passkey: NewPasskey, asked: Asked):
    browser.flags = USER_VERIFIED
    assert count_proved(browser.get(asked.options(SHOP)), asked, passkey) is None


@pytest.mark.parametrize("kept", [1, 2, 1000])
def test_count_that_did_not_grow_is_a_copys(browser: Browser, passkey: NewPasskey, asked: Asked, kept: int):
    assert count_proved(browser.get(asked.options(SHOP)), asked, passkey, kept) is None


def test_making_and_using_are_not_taken_for_each_other(browser: Browser, passkey: NewPasskey, asked: Asked):
    made = browser.attested(browser.passkeys[0], base64url(asked.challenge))
    used = json.loads(browser.get(asked.options(SHOP)))["response"]
    both = edited(made, authenticatorData=used["authenticatorData"], signature=used["signature"])
    assert count_proved(both, asked, passkey) is None
    answer = edited(made, clientDataJSON=used["clientDataJSON"])
    assert passkeys.enrolled(SHOP, asked.challenge, answer) is None


# ---- what is no answer


NONSENSE = [
    "",
    "null",
    "[]",
    "{}",
    "5",
    '"text"',
    "{" * 10_000,
    "[" * 10_000,
    "\x00",
    "\ud800",
    '{"id": "a", "rawId": "a", "type": "public-key", "response": {}}',
    '{"id": 1, "rawId": 2, "type": "public-key", "response": []}',
    " " * 100_000,
]


@pytest.mark.parametrize("answer", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_no_answer(answer: str):
    assert passkeys.read_assertion(answer) is None
    assert passkeys.enrolled(SHOP, b"challenge", answer) is None


def test_answer_that_is_too_long_is_none(browser: Browser, asked: Asked):
    answer = json.loads(browser.get(asked.options(SHOP)))
    answer["padding"] = "x" * passkeys.LONGEST_ANSWER
    assert passkeys.read_assertion(json.dumps(answer)) is None


PARTS = st.one_of(st.none(), st.integers(), st.text(max_size=30), st.binary(max_size=80).map(base64url))
MEMBERS = st.sampled_from(["clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject"])


@given(st.dictionaries(MEMBERS, PARTS, min_size=1, max_size=3))
def test_no_part_of_an_answer_can_be_anything_else(parts: dict[str, Any]):
    browser = Browser(SHOP.origin)
    passkey, fresh = enrolled(browser), passkeys.ask([])
    asked = passkeys.ask([passkey.credential_id])
    used, made = browser.get(asked.options(SHOP)), browser.create(passkeys.enrolment(SHOP, fresh, OWNER))
    meant = {"clientDataJSON", "authenticatorData", "signature"} & set(parts)
    answer = edited(used, **parts)
    assert count_proved(answer, asked, passkey) in ((None,) if meant else (None, 1))
    if parts.keys() & {"clientDataJSON", "attestationObject"}:
        assert passkeys.enrolled(SHOP, fresh.challenge, edited(made, **parts)) is None


@given(st.integers(0, 400), st.integers(1, 255))
def test_no_byte_of_what_is_signed_can_be_another(at: int, flipped: int):
    browser = Browser(SHOP.origin)
    passkey = enrolled(browser)
    asked = passkeys.ask([passkey.credential_id])
    answer = browser.get(asked.options(SHOP))
    for part in ("clientDataJSON", "authenticatorData", "signature"):
        octets = bytearray(text(json.loads(answer)["response"][part]))
        octets[at % len(octets)] ^= flipped
        assert count_proved(edited(answer, **{part: base64url(bytes(octets))}), asked, passkey) is None


@given(st.binary(min_size=1, max_size=120))
def test_key_that_is_none_is_not_kept(cose_key: bytes):
    browser, fresh = Browser(SHOP.origin), passkeys.ask([])
    browser.create(passkeys.enrolment(SHOP, fresh, OWNER))
    made = browser.passkeys[0]
    data = browser._data(made, USER_PRESENT | HAS_KEY) + attested_key(made)[:50] + cose_key
    answer = browser.attested(made, base64url(fresh.challenge), authData=data)
    assert passkeys.enrolled(SHOP, fresh.challenge, answer) is None


# ---- for whom


@pytest.mark.parametrize(
    ("url", "id", "origin"),
    [
        ("https://shop.example", "shop.example", "https://shop.example"),
        ("https://Shop.Example/", "shop.example", "https://shop.example"),
        ("https://shop.example/uk", "shop.example", "https://shop.example"),
        ("https://shop.example:443", "shop.example", "https://shop.example"),
        ("https://shop.example:8443", "shop.example", "https://shop.example:8443"),
        ("http://localhost:3000", "localhost", "http://localhost:3000"),
        ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
        ("http://[::1]:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_shop_is_known_by_where_customers_reach_it(url: str, id: str, origin: str):
    assert passkeys.relying_party(url, "Layette") == RelyingParty(id, origin, "Layette")
