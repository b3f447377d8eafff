"""Second factors, as their owner sees them, and what is asked for and given to use them."""

from datetime import datetime

import strawberry

from auth.permissions import ANYONE, SIGNED_IN
from commerce.second_factor import Answer, is_enrolled
from models import second_factor as tables
from models.second_factor import SecondFactorMethod
from reads.declare import entity, referenced, to, value
from schema.errors import UserError

PREFIX = "fac"

strawberry.enum(
    SecondFactorMethod,
    description="How somebody shows that it is them: by an authenticator app's code, a passkey, or one of the recovery "
    "codes that came with the first of these.",
)


@entity(
    tables.SecondFactor,
    prefix=PREFIX,
    readers=SIGNED_IN,
    visible=(to(SIGNED_IN, lambda viewer, factor: (factor.account_id == viewer.account_id) & is_enrolled(factor)),),
)
class SecondFactor:
    """An authenticator app or a passkey that one has enrolled and confirmed."""

    id: strawberry.ID
    method: SecondFactorMethod
    label: str | None
    created_at: datetime
    last_used_at: datetime | None


@value(readers=ANYONE)
class SignInChallenge:
    """A sign-in that waits for a second factor, for five minutes and five wrong answers.

    `token` is what `signInComplete` takes. `passkeyOptions` is JSON text for `navigator.credentials.get`, where there
    is a passkey.
    """

    token: str
    methods: list[SecondFactorMethod]
    passkey_options: str | None
    expires_at: datetime


@strawberry.input(
    description="Exactly one of them. `totpCode` is what an authenticator app shows; `passkey` is the JSON text of "
    "what the browser's `navigator.credentials.get` gave; `recoveryCode` is good once."
)
class SecondFactorInput:
    totp_code: str | None = strawberry.UNSET
    passkey: str | None = strawberry.UNSET
    recovery_code: str | None = strawberry.UNSET

    def answer(self) -> Answer:
        given = (self.totp_code, self.passkey, self.recovery_code)
        return Answer(*(None if one is strawberry.UNSET else one for one in given))


@strawberry.input(description="`challenge` is the token that `signIn` answered with.")
class SignInCompleteInput:
    challenge: str
    second_factor: SecondFactorInput


@value(readers=ANYONE)
class PasskeyChallengePayload:
    """`options` is JSON text for `navigator.credentials.get`; what it gives is good for one step-up of this session."""

    options: str | None = None
    user_errors: list[UserError]


@value(readers=ANYONE)
class TotpEnrollPayload:
    """`secret` is for an authenticator app, and `otpauthUri` says the same for a QR code; both are shown here alone."""

    secret: str | None = None
    otpauth_uri: str | None = None
    user_errors: list[UserError]


@strawberry.input(description="`code` is what the app shows. `label` is what the list of second factors calls it.")
class TotpConfirmInput:
    code: str
    label: str | None = strawberry.UNSET


@value(readers=ANYONE)
class PasskeyEnrollPayload:
    """`options` is JSON text for `navigator.credentials.create`."""

    options: str | None = None
    user_errors: list[UserError]


@strawberry.input(
    description="`credential` is the JSON text of what the browser's `navigator.credentials.create` gave. `label` is "
    "what the list of second factors calls it."
)
class PasskeyConfirmInput:
    credential: str
    label: str | None = strawberry.UNSET


@value(readers=ANYONE)
class SecondFactorPayload:
    """`recoveryCodes` come with the first second factor, and are shown here alone."""

    second_factor: SecondFactor | None = referenced()
    recovery_codes: list[str] | None = None
    user_errors: list[UserError]


@strawberry.input
class SecondFactorRemoveInput:
    id: strawberry.ID


@value(readers=ANYONE)
class SecondFactorRemovePayload:
    removed_id: strawberry.ID | None = None
    user_errors: list[UserError]


@value(readers=ANYONE)
class RecoveryCodesRenewPayload:
    """The new codes, shown here alone."""

    recovery_codes: list[str] | None = None
    user_errors: list[UserError]
