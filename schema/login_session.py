"""Sessions, as their owner sees them, and what opens and ends them."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry

from auth.permissions import ANYONE, SIGNED_IN
from models import login_session as tables
from reads.declare import column, entity, referenced, to, value
from schema.errors import UserError
from schema.second_factor import SecondFactorInput, SignInChallenge

if TYPE_CHECKING:
    from schema.account import Customer

PREFIX = "ses"


@entity(
    tables.LoginSession,
    prefix=PREFIX,
    readers=SIGNED_IN,
    visible=(to(SIGNED_IN, lambda viewer, session: session.account_id == viewer.account_id),),
)
class LoginSession:
    """A device that is signed in. Its network is coarse, never an address."""

    id: strawberry.ID
    current: bool = column(seen=lambda viewer, session: session.id == viewer.session_id, nullable=False)
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime
    device_name: str | None
    device_kind: str | None
    ip_network: str | None
    public_computer: bool


class SessionTransport(StrEnum):
    TOKEN = "TOKEN"
    COOKIE = "COOKIE"


strawberry.enum(
    SessionTransport,
    description="How a session reaches its holder: as a token to send in `Authorization: Bearer`, or as the cookie "
    "`__Host-layette`, which no script can read and which is not in the answer.",
)


@value(readers=ANYONE)
class IssuedSession:
    """A new session. `token` is shown here alone; null where it went into a cookie."""

    token: str | None
    expires_at: datetime


@strawberry.input(
    description="`identifier` is an email address or a username. On a public computer the session is short and is "
    "forgotten when the browser closes. `deviceName` is what the list of sessions calls the device."
)
class SignInInput:
    identifier: str
    password: str
    public_computer: bool | None = False
    device_name: str | None = strawberry.UNSET
    transport: SessionTransport | None = SessionTransport.TOKEN


@value(readers=ANYONE)
class SignInPayload:
    """`challenge` is there instead of a session where the account has a second factor."""

    session: IssuedSession | None = None
    challenge: SignInChallenge | None = None
    customer: Annotated["Customer", strawberry.lazy("schema.account")] | None = referenced()
    user_errors: list[UserError]


@value(readers=ANYONE)
class SignOutPayload:
    """`signedOut` is false where there was no session to end."""

    signed_out: bool
    user_errors: list[UserError]


@strawberry.input(description="A session of one's own; the current one is possible too.")
class SessionRevokeInput:
    id: strawberry.ID


@value(readers=ANYONE)
class SessionRevokePayload:
    """`session` is null where it was the current one: the caller is signed out."""

    session: LoginSession | None = referenced()
    user_errors: list[UserError]


@value(readers=ANYONE)
class SessionsRevokeOthersPayload:
    revoked_count: int
    user_errors: list[UserError]


@strawberry.input(
    description="What shows that it is the account's owner who has the session: the password, or where there is a "
    "second factor that one. Who has a passkey gives it, as an answer to `passkeyChallenge`, or a recovery code."
)
class StepUpInput:
    password: str | None = strawberry.UNSET
    second_factor: SecondFactorInput | None = strawberry.UNSET


@value(readers=ANYONE)
class StepUpPayload:
    valid_until: datetime | None = None
    user_errors: list[UserError]
