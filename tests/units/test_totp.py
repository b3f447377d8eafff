"""Codes of authenticator apps (RFC 6238)."""

from urllib.parse import parse_qs, urlsplit

import pytest

from auth import totp

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", the RFC's

# Appendix B, the last six of its eight digits.
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.mark.parametrize(("at", "code"), VECTORS.items())
def test_codes_are_those_of_the_rfc(at: int, code: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(totp.time, "time", lambda: at)
    assert totp.code_of(SEED, totp.current_step()) == code
    assert totp.matching_step(SEED, code, after=None) == at // 30


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(totp, "current_step", lambda: 1000)
    return 1000


@pytest.mark.parametrize(("off", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clock_may_be_one_step_off(now: int, off: int, good: bool):
    assert totp.matching_step(SEED, totp.code_of(SEED, now + off), after=None) == (now + off if good else None)


@pytest.mark.parametrize("after", [1000, 1001, 5000])
def test_step_that_was_used_and_those_before_do_not_count(now: int, after: int):
    assert totp.matching_step(SEED, totp.code_of(SEED, now), after=after) is None


def test_next_step_counts_after_one_was_used(now: int):
    assert totp.matching_step(SEED, totp.code_of(SEED, now + 1), after=now) == now + 1


@pytest.mark.parametrize("spelled", ["{}", " {} ", "\t{}\n"])
def test_spaces_do_not_matter(now: int, spelled: str):
    code = totp.code_of(SEED, now)
    assert totp.matching_step(SEED, spelled.format(code), after=None) == now
    assert totp.matching_step(SEED, f"{code[:3]} {code[3:]}", after=None) == now


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "१२३४५६", "-12345", "0x1234", "1" * 100_000, "\x00"]
)
def test_what_is_no_code_is_none(now: int, typed: str):
    assert totp.matching_step(SEED, typed, after=None) is None


def test_code_of_another_seed_is_none_of_ours(now: int):
    others = {totp.code_of(totp.new_seed(), now) for _ in range(20)}
    ours = {totp.code_of(SEED, now + off) for off in (-1, 0, 1)}
    assert [totp.matching_step(SEED, code, after=None) for code in others - ours] == [None] * len(others - ours)


def test_seeds_are_long_and_differ():
    seeds = {totp.new_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert {len(seed) for seed in seeds} == {32}  # 160 bits


def test_uri_says_whose_app_it_is_and_nothing_that_apps_guess_wrong():
    uri = urlsplit(totp.uri(SEED, account="ana+shop@example.com", issuer="Läyette & Co"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path == "/L%C3%A4yette%20%26%20Co:ana%2Bshop%40example.com"
    assert parse_qs(uri.query) == {"secret": [SEED], "issuer": ["Läyette & Co"]}
