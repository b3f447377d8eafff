"""What is given to open an account, and what is answered."""

import strawberry

from auth.permissions import ANYONE
from commerce.registration import Status
from models.account import AgeBand
from reads.declare import value
from schema.errors import UserError
from schema.login_session import SessionTransport

strawberry.enum(AgeBand, description="Asked neutrally; no date of birth is ever kept.")
strawberry.enum(
    Status,
    name="RegistrationStatus",
    description="VERIFICATION_SENT whether or not the address has an account: the letter says.",
)


@strawberry.input(
    description="Name and email are all that is needed. `acceptsPolicyVersion` is the version of `privacyPolicy`. "
    "Under 13, `guardianEmail` is a parent's or guardian's address, and nothing else is kept. `phone` has its country "
    "code."
)
class AccountRegisterInput:
    name: str
    email: str
    age_band: AgeBand
    accepts_policy_version: str
    phone: str | None = strawberry.UNSET
    guardian_email: str | None = strawberry.UNSET


@value(readers=ANYONE)
class AccountRegisterPayload:
    status: Status | None
    user_errors: list[UserError]


@strawberry.input(
    description="`token` is from the letter. The password has 7 characters at least, with a letter and a digit unless "
    "it has 15; without one there is none yet. A username is 3 to 30 letters from A to Z, digits and single . _ - "
    "between them."
)
class AccountVerifyInput:
    token: str
    password: str | None = strawberry.UNSET
    username: str | None = strawberry.UNSET
    transport: SessionTransport | None = SessionTransport.TOKEN
