"""Who one can sign in as in the fictional shop."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SignIn:
    """A seeded account; `note` says in a few words what is special about it."""

    email: str
    password: str = field(repr=False)
    note: str = ""
