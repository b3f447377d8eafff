"""The caches of documents and statements hold so many bytes, whatever comes in."""

from hypothesis import given
from hypothesis import strategies as some

from reads.cache import ByteBounded


def test_what_was_used_last_stays():
    cache: ByteBounded[str, int] = ByteBounded(100)
    for key in "abcd":
        cache.put(key, ord(key), 25)
    assert cache.get("a") == ord("a")
    cache.put("e", 1, 25)
    assert [key for key in "abcde" if cache.get(key) is not None] == ["a", "c", "d", "e"]


def test_what_is_too_heavy_is_not_kept_and_drives_nothing_out():
    cache: ByteBounded[str, int] = ByteBounded(100)
    cache.put("a", 1, 20)
    cache.put("b", 2, 26)
    assert (cache.get("a"), cache.get("b"), cache.bytes) == (1, None, 20)


def test_value_that_is_replaced_by_one_too_heavy_is_gone():
    cache: ByteBounded[str, int] = ByteBounded(100)
    cache.put("a", 1, 20)
    cache.put("a", 2, 99)
    assert (cache.get("a"), cache.bytes, len(cache)) == (None, 0, 0)


def test_dropping_frees_the_bytes():
    cache: ByteBounded[str, int] = ByteBounded(100)
    cache.put("a", 1, 20)
    cache.drop("a")
    cache.drop("never there")
    assert (cache.bytes, len(cache)) == (0, 0)


@given(some.lists(some.tuples(some.integers(0, 9), some.integers(0, 60))))
def test_bytes_are_those_of_what_is_kept_and_never_too_many(puts: list[tuple[int, int]]):
    cache: ByteBounded[int, int] = ByteBounded(200)
    weights = {}
    for key, weight in puts:
        cache.put(key, weight, weight)
        weights[key] = weight
        kept = [weights[key] for key in range(10) if cache.get(key) is not None]
        assert cache.bytes == sum(kept) <= 200
        assert len(cache) == len(kept)
