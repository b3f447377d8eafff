"""Which passwords may be set (P54).

The promise is seven characters, with a letter and a digit. From fifteen on, where NIST SP 800-63B-4 lets a password
stand alone, nothing need be mixed. Common and breached passwords are refused at any length, and so is what zxcvbn finds
easy to guess, with its advice.
"""

import gzip
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from zxcvbn import zxcvbn
from zxcvbn.matching import RANKED_DICTIONARIES

from auth.passwords import LONGEST_PASSWORD, prepared
from auth.refusal import Refusal, RefusalCode

SHORTEST = 7
LONG_ENOUGH_UNMIXED = 15

# zxcvbn's scores are 0 to 4; 2 takes more than a million guesses, which throttled sign-ins do not give.
LEAST_SCORE = 2

# zxcvbn takes seconds, not milliseconds, for what is long and full of signs that look like letters (2.1 s for 72 of
# them). The first 32 characters are judged, and of signs that stand for the same letter it sees one: 20 ms at most.
_JUDGED_LENGTH = 32
_LOOKALIKES = str.maketrans({"@": "4", "$": "5", "|": "!", "{": "(", "[": "(", "<": "("})

# What anyone would try first here (ASVS 6.2.11).
_SHOP_WORDS = ("layette",)

_COMMON_PASSWORDS = Path(__file__).with_name("common_passwords.txt.gz")
_WORD = re.compile(r"[^\W_]{3,}")
_MOST_KNOWN_WORDS = 20


def check(password: str, *, known: Sequence[str] = (), field: tuple[str, ...] = ("password",)) -> Refusal | None:
    """Why this password may not be set; None for one that may.

    `known` is what others may know of the person (name, email, username): a password made of it is easy to guess.
    """
    if prepared(password) is None:
        return Refusal(RefusalCode.TOO_LONG, f"A password may be at most {LONGEST_PASSWORD} bytes long.", field)
    password = unicodedata.normalize("NFC", password)
    if len(password) < SHORTEST:
        return Refusal(RefusalCode.WEAK_PASSWORD, f"Use at least {SHORTEST} characters.", field)
    if is_common(password):
        return Refusal(
            RefusalCode.BREACHED_PASSWORD, "This password is known from breaches. Choose another one.", field
        )
    advice = _mixture_advice(password) or _guessing_advice(password, known)
    return Refusal(RefusalCode.WEAK_PASSWORD, advice, field) if advice else None


def is_common(password: str) -> bool:
    """Whether it is among those that are known from breaches."""
    return password.lower() in _common_passwords() or password.lower() in RANKED_DICTIONARIES["passwords"]


@cache
def _common_passwords() -> frozenset[str]:
    with gzip.open(_COMMON_PASSWORDS, "rt", encoding="utf-8") as lines:
        return frozenset(line.strip() for line in lines)


def _mixture_advice(password: str) -> str | None:
    has_letter = any(character.isalpha() for character in password)
    has_digit = any(character.isdecimal() for character in password)
    if len(password) >= LONG_ENOUGH_UNMIXED or (has_letter and has_digit):
        return None
    return f"Use a letter and a digit, or at least {LONG_ENOUGH_UNMIXED} characters."


def _guessing_advice(password: str, known: Sequence[str]) -> str | None:
    judged = password[:_JUDGED_LENGTH].translate(_LOOKALIKES)
    try:
        result = zxcvbn(judged, user_inputs=list(_words(known)))
    finally:
        # zxcvbn keeps the words it was given until the next call.
        RANKED_DICTIONARIES.pop("user_inputs", None)
    if result["score"] >= LEAST_SCORE:
        return None
    feedback = result["feedback"]
    advice = ["This password is easy to guess.", feedback["warning"], *feedback["suggestions"]]
    if any(match.get("dictionary_name") == "user_inputs" for match in result["sequence"]):
        advice.append("Leave out your name, your email address and the name of the shop.")
    return " ".join(filter(None, advice))


def _words(known: Iterable[str]) -> Iterator[str]:
    """The shop's words and the person's: each text whole, in words, and with its words run together."""
    yield from _SHOP_WORDS
    for text in known:
        words = _WORD.findall(text.lower())[:_MOST_KNOWN_WORDS]
        yield from {text[:_JUDGED_LENGTH].lower().translate(_LOOKALIKES), "".join(words), *words}
