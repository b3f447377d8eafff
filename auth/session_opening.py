"""The statement that opens a session, and notes what its account's owner should know of it."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Insert,
    Integer,
    Interval,
    Select,
    Text,
    Update,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import literal_column as sql

from auth.account_events import adding
from auth.session_life import fresh_until, is_live
from gateways.jobs import promise
from models.account import AccountEvent, AccountEventKind
from models.login_session import LoginSession
from models.statement import Statement

NEW_DEVICE_LETTER = "new_device.mail"
"""The job that tells the owner of an account of a device not seen before; its subject is the session."""


def _opening() -> Select[*tuple[Any, ...]]:
    """The session, its event, what a device not seen before is worth, and the end of what is too much, at once.

    Each part finds the account as it was before all of them.
    """
    opened = _session().returning(LoginSession.expires_at, fresh_until().label("fresh")).cte("opened")
    signed_in = adding("signed_in_id", sql(f"'{AccountEventKind.SIGNED_IN}'"))
    is_new = bindparam("announce", type_=Boolean()), ~_seen().exists()
    new_device = adding("new_device_id", sql(f"'{AccountEventKind.NEW_DEVICE}'"), *is_new)
    told = new_device.returning(bindparam("session_id", type_=Uuid()).label("session_id")).cte("new_device")
    letter = promise(NEW_DEVICE_LETTER, bindparam("letter_id", type_=Uuid()), told.c.session_id)
    parts = {"signed_in": signed_in, "letter": letter, "surplus": _surplus()}
    return select(opened).add_cte(*(part.cte(name) for name, part in parts.items()))


def _session() -> Insert:
    return insert(LoginSession).values(
        id=bindparam("session_id"),
        account_id=bindparam("account_id"),
        token_digest=bindparam("digest"),
        expires_at=func.now() + bindparam("absolute", type_=Interval()),
        idle_seconds=bindparam("idle_seconds"),
        stepped_up_at=case((bindparam("stepped_up", type_=Boolean()), func.now())),
        **{
            name: bindparam(name)
            for name in ("channel", "device_name", "device_kind", "ip_network", "public_computer", "till_id")
        },
    )


def _seen() -> Select[UUID]:
    """Sign-ins of the account from such a device. A browser's next version is no new device."""
    name = bindparam("device_name", type_=Text())
    return select(AccountEvent.id).where(
        AccountEvent.account_id == bindparam("account_id"),
        AccountEvent.kind == sql(f"'{AccountEventKind.SIGNED_IN}'"),
        AccountEvent.device_kind == bindparam("device_kind"),
        _without_version(AccountEvent.device_name).is_not_distinct_from(_without_version(name)),
    )


def _without_version(device_name: Any) -> ColumnElement[str]:
    """`Firefox on Linux` of `Firefox 143 on Linux`."""
    return func.regexp_replace(device_name, sql("' [0-9]+ on '"), sql("' on '"))


def _surplus() -> Update:
    """The sessions used longest ago, where there are more than `most_others` beside the one that is opened."""
    own = select(LoginSession.id).where(LoginSession.account_id == bindparam("account_id"), is_live(LoginSession))
    ordered = own.order_by(LoginSession.last_used_at.desc(), LoginSession.id.desc())
    # As an array they are found once, whatever PostgreSQL takes the table's size to be.
    surplus = func.array(ordered.offset(bindparam("most_others", type_=Integer())).scalar_subquery())
    return update(LoginSession).where(LoginSession.id == any_(surplus)).values(revoked_at=func.now())


OPENING = Statement(_opening)
