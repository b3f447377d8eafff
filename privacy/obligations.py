"""What everyone who works for the shop acknowledges before reading personal data (P52)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Obligations:
    """A version of the text; another version has to be acknowledged anew."""

    version: str
    text: str


CURRENT = Obligations(
    "2026-11-01",
    """\
What I learn about customers at work belongs to them.

1. I read personal data only for the task in front of me, and say truly what for. Curiosity, friendship and family are
   no tasks.
2. I read no more of it than the task needs, and no longer than it lasts.
3. I copy nothing out of the shop's systems: no exports, screenshots, notes or messages about a person that the task
   does not ask for.
4. I talk about customers with nobody who does not need to know, in the shop or outside of it, now or after I leave.
5. Measurements, children, gifts and registries are the most private that the shop knows. I treat them so.
6. I let nobody use my sign-in, PIN or second factor, and lock what I walk away from.
7. Whatever I see go wrong, a letter to the wrong person, a lost device, a stranger at the till, I report at once.
8. I know that what I read of a person is recorded, and that the person sees when, in what role and what for.
""",
)
