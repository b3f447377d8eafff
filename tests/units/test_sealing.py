"""Secrets that have to be read again, encrypted (ASVS 11.3, 13.3)."""

import pytest

from auth.sealing import Sealer, Unsealable

SECRET = b"a secret of the tests, long enough"
PLACE = b"row 1"


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(SECRET, "tests")


def test_sealed_value_opens_in_its_place(sealer: Sealer):
    for value in (b"", b"seed", bytes(1000)):
        assert Sealer(SECRET, "tests").open(sealer.seal(value, PLACE), PLACE) == value


def test_value_does_not_show_and_is_never_sealed_the_same_twice(sealer: Sealer):
    sealed = {sealer.seal(b"a seed to be hidden", PLACE) for _ in range(50)}
    assert len(sealed) == 50
    assert not any(b"seed" in one for one in sealed)


@pytest.mark.parametrize(
    ("secret", "purpose", "place"),
    [
        (b"another secret, as long as that", "tests", PLACE),
        (SECRET, "other tests", PLACE),
        (SECRET, "tests", b"row 2"),
        (SECRET, "tests", b""),
    ],
)
def test_it_opens_nowhere_else(sealer: Sealer, secret: bytes, purpose: str, place: bytes):
    with pytest.raises(Unsealable):
        Sealer(secret, purpose).open(sealer.seal(b"seed", PLACE), place)


def test_any_change_of_it_is_found(sealer: Sealer):
    sealed = sealer.seal(b"seed", PLACE)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(Unsealable):
            sealer.open(bytes(changed), PLACE)


@pytest.mark.parametrize("length", range(13 + 16))
def test_what_was_cut_off_does_not_open(sealer: Sealer, length: int):
    with pytest.raises(Unsealable):
        sealer.open(sealer.seal(b"seed", PLACE)[:length], PLACE)


def test_short_secret_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        Sealer(b"too short", "tests")
