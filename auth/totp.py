"""Codes of authenticator apps: six digits that change every thirty seconds (RFC 6238)."""

import re
import time
from hmac import compare_digest

import pyotp

STEP_SECONDS = 30
DIGITS = 6

DRIFT = 1
"""Steps that a phone's clock, or whoever types slowly, may be off (RFC 6238, section 5.2)."""

_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")


def new_seed() -> str:
    """A new seed as apps take it: 160 random bits (RFC 4226, section 4) in base32."""
    return pyotp.random_base32(32)


def uri(seed: str, *, account: str, issuer: str) -> str:
    """What an app reads from a QR code: `otpauth://totp/…`."""
    return pyotp.TOTP(seed, digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(name=account, issuer_name=issuer)


def current_step() -> int:
    """The time step that it is now."""
    return int(time.time()) // STEP_SECONDS


def code_of(seed: str, step: int) -> str:
    """The code that an app with this seed shows in a time step."""
    return pyotp.HOTP(seed, digits=DIGITS).at(step)


def matching_step(seed: str, typed: str, *, after: int | None) -> int | None:
    """The time step whose code was typed, at most one step off from now; None where it is none of theirs.

    Steps up to `after`, the last one that was used, do not count: a code is good once. Spaces in it do not matter.
    """
    code = "".join(typed.split())
    if not _CODE.fullmatch(code):
        return None
    now = current_step()
    steps = [step for step in range(now - DRIFT, now + DRIFT + 1) if after is None or step > after]
    return next((step for step in steps if compare_digest(code_of(seed, step), code)), None)
