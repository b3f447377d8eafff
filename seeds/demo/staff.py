"""Who works for the fictional shop: one for each role. Only here may staff do without a second factor."""

from datetime import datetime, timedelta

from auth.roles import ROLES
from models.account import AccountKind
from models.classification import Channel
from models.ids import new_id
from models.staff import StaffKind, StaffMember, StaffRole, StaffStatus
from privacy import obligations
from seeds.people import Person, add_account
from seeds.rows import Rows

NAMES = {
    "owner": "Odile Marchand",
    "floor": "Flora Nkemelu",
    "tailor": "Tarik Demir",
    "support": "Suvi Lahtinen",
    "marketing": "Mateo Ferrari",
    "security": "Senna de Wit",
    "legal": "Leonie Brandt",
    "privacy": "Priya Raman",
    "catalogue": "Caoimhe Walsh",
    "provider": "Parcel Post Ltd.",
}
KINDS = {"tailor": StaffKind.CONTRACTOR, "provider": StaffKind.SERVICE_PROVIDER}

NEWCOMER = "provider"
"""Has not acknowledged anything yet, so that it can be seen what that means."""


def address_of(role: str) -> str:
    return f"{role}@staff.example.com"


def note_on(role: str) -> str:
    return f"staff, {role}" + ("; has not acknowledged the obligations yet" if role == NEWCOMER else "")


def add_staff(rows: Rows, password_hash: str, now: datetime) -> None:
    """Adds a member of staff for each role, with an account."""
    for role in ROLES:
        invited = now - timedelta(days=400)
        person = Person(new_id(), NAMES[role], address_of(role), Channel.WEB, invited, kind=AccountKind.STAFF)
        add_account(rows, person, password_hash)
        staff_id, acknowledged = new_id(), role != NEWCOMER
        rows.add(
            StaffMember,
            id=staff_id,
            account_id=person.id,
            name=person.name,
            email=person.email,
            kind=KINDS.get(role, StaffKind.EMPLOYEE),
            status=StaffStatus.ACTIVE,
            channel=person.channel,
            invited_at=invited,
            second_factor_waived=True,
            obligations_version=obligations.CURRENT.version if acknowledged else None,
            obligations_acknowledged_at=now - timedelta(days=20) if acknowledged else None,
        )
        rows.add(StaffRole, staff_id=staff_id, role=role)
