"""The privacy policy in force: who registers accepts it by its version (P2, P56)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

REVIEWED_EVERY = timedelta(days=365)
"""Within twelve months (P57)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A published text: its version, and since when it holds."""

    version: str
    effective_at: datetime

    @property
    def review_due_at(self) -> datetime:
        """By when it has to be looked through again (P57)."""
        return self.effective_at + REVIEWED_EVERY


CURRENT = Policy("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC))
