"""Numbers that people read out: random, so that they count nothing, in letters that are not mistaken for each other."""

import secrets

# Crockford's base 32: no I, L, O or U.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number(prefix: str) -> str:
    """`LL-7K3M-Q9ZD` for the prefix LL: 40 random bits. Where a unique index refuses it, draw again."""
    bits = int.from_bytes(secrets.token_bytes(5))
    letters = "".join([_ALPHABET[bits >> shift & 31] for shift in range(0, 40, 5)])
    return f"{prefix}-{letters[:4]}-{letters[4:]}"
