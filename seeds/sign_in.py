"""Who one can sign in as in the fictional shop."""

from dataclasses import dataclass, field

Notes = dict[str, str]
"""What is special about those who may sign in, by their addresses."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A seeded account; `note` says in a few words what is special about it."""

    email: str
    password: str = field(repr=False)
    note: str = ""
