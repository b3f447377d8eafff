"""Roles of staff: permissions as `noun:verb`, reading and writing apart, and the purposes of reading personal data.

Roles are declared here and not in the database, so that a change of access is a change that is reviewed (P52).
"""

from dataclasses import dataclass

from models.classification import Purpose


@dataclass(frozen=True, slots=True)
class StaffPurpose:
    """A purpose that X-Purpose may name; `case_required`: X-Case has to name the ticket or matter as well."""

    purpose: Purpose
    case_required: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    permissions: frozenset[str]
    purposes: tuple[StaffPurpose, ...] = ()


PRODUCTS = StaffPurpose(Purpose.PRODUCTS)
LEGAL_SAFETY = StaffPurpose(Purpose.LEGAL_SAFETY, case_required=True)
"""Security and legal reads name their matter, whatever the role."""

SUPPORT_ACCESS = StaffPurpose(Purpose.ACCESS, case_required=True)
ACCESS = StaffPurpose(Purpose.ACCESS)


def _role(name: str, permissions: str, *purposes: StaffPurpose) -> Role:
    return Role(name, frozenset(permissions.split()), purposes)


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        _role(
            "owner",
            "staff:read staff:manage partner:read partner:manage till:manage catalogue:write stock:read stock:write "
            "discount:read discount:write shipping:write customer:read customer:recognise customer:write order:read "
            "order:write order:refund alteration:read alteration:write return:read return:write review:moderate "
            "review:reply communication:read communication:write security:read security:write recall:read recall:write "
            "legal:read legal:write privacy:read privacy:write",
            PRODUCTS,
            ACCESS,
            LEGAL_SAFETY,
        ),
        _role(
            "floor",
            "customer:recognise order:read order:write return:read return:write stock:read alteration:read",
            PRODUCTS,
        ),
        _role("tailor", "alteration:read alteration:write", PRODUCTS),
        _role(
            "support",
            "customer:read customer:recognise customer:write order:read order:write order:refund return:read "
            "return:write communication:read communication:write",
            SUPPORT_ACCESS,
            PRODUCTS,
        ),
        _role("marketing", "catalogue:write discount:read discount:write review:moderate review:reply"),
        _role("security", "security:read security:write customer:recognise staff:read", LEGAL_SAFETY),
        _role("legal", "legal:read legal:write customer:read order:read recall:read recall:write", LEGAL_SAFETY),
        _role("privacy", "privacy:read privacy:write customer:read order:read", ACCESS, LEGAL_SAFETY),
        _role("catalogue", "catalogue:write stock:read stock:write discount:read shipping:write"),
        _role("provider", "customer:recognise order:read", PRODUCTS),
    )
}


def permissions_of(names: "list[str] | tuple[str, ...]") -> frozenset[str]:
    """What the roles of these names may do together; a name that is no role any more may do nothing."""
    return frozenset().union(*(ROLES[name].permissions for name in names if name in ROLES))


def purposes_of(names: "list[str] | tuple[str, ...]") -> tuple[StaffPurpose, ...]:
    """The purposes of these roles together; a case is asked for unless one of them may do without."""
    found: dict[Purpose, StaffPurpose] = {}
    for name in names:
        for one in ROLES[name].purposes if name in ROLES else ():
            kept = found.get(one.purpose)
            found[one.purpose] = one if kept is None or kept.case_required else kept
    return tuple(found[purpose] for purpose in Purpose if purpose in found)
