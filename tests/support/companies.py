"""Partners with keys of every state, and what they used."""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from models.partner import Partner, PartnerKey, PartnerStatus, PartnerUsage
from tests.support.planting import AWKWARD, NOON, Planting

SCOPES = ("reviews:read", "feed:read", "none:such")


def plant_partners(planting: Planting) -> list[UUID]:
    """One with all that there may be, one with nothing, and one that is disabled."""
    full = _partner(planting, AWKWARD[3], SCOPES, PartnerStatus.ACTIVE, ("203.0.113.0/24",))
    bare = _partner(planting, "bare", (), PartnerStatus.ACTIVE, ())
    gone = _partner(planting, "gone", SCOPES[:1], PartnerStatus.DISABLED, ())
    for number, text in enumerate((*AWKWARD[:6], None)):
        _key(planting, full if number else gone, number, text)
    for days in range(5):
        day = (NOON - timedelta(days=days)).date()
        planting.add(PartnerUsage, partner_id=full, day=day, requests=2**31 - 1, refused=days)
    return [full, bare, gone]


def _partner(
    planting: Planting, name: str, scopes: tuple[str, ...], status: PartnerStatus, networks: tuple[str, ...]
) -> UUID:
    return planting.add(
        Partner,
        name=name,
        scopes=list(scopes),
        status=status.value,
        networks=list(networks),
        created_at=planting.moment(),
    )


def _key(planting: Planting, partner: UUID, number: int, text: str | None) -> None:
    moment = None if text is None else planting.moment()
    planting.add(
        PartnerKey,
        partner_id=partner,
        key_digest=sha256(f"key {number}".encode()).digest(),
        prefix=f"lyp_{number:06}",
        label=text,
        scopes=list(SCOPES[: number % 4]),
        created_at=planting.moment(),
        expires_at=moment,
        last_used_at=moment,
        revoked_at=planting.maybe(moment),
    )
