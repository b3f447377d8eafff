"""What a rule about rows is made of."""

from typing import NamedTuple


class Invariant(NamedTuple):
    """A query that finds what is `wrong`, and a statement that makes it find something in any seeded shop."""

    wrong: str
    breaking: str
