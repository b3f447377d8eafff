"""Second factors through HTTP, for tests."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from auth import totp
from tests.support.authenticator import Browser
from tests.support.login_session import PASSWORD, email_of
from tests.support.shop import Shop
from tests.support.sign_in import asked, post

ORIGIN = "http://localhost:8000"
"""Where customers reach the shop by default, as browsers know it."""

SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) {
  session { token } customer { id } challenge { token methods passkeyOptions expiresAt }
  userErrors { code field } } }"""
COMPLETE = """mutation ($challenge: String!, $given: SecondFactorInput!) {
  signInComplete(input: {challenge: $challenge, secondFactor: $given}) {
    session { token expiresAt } challenge { token } customer { id email } userErrors { code field } } }"""
TOTP_ENROLL = "mutation { totpEnroll { secret otpauthUri userErrors { code field } } }"
TOTP_CONFIRM = """mutation ($code: String!, $label: String) { totpConfirm(input: {code: $code, label: $label}) {
  secondFactor { id method label createdAt lastUsedAt } recoveryCodes userErrors { code field } } }"""
PASSKEY_ENROLL = "mutation { passkeyEnroll { options userErrors { code field } } }"
PASSKEY_CONFIRM = """mutation ($credential: String!, $label: String) {
  passkeyConfirm(input: {credential: $credential, label: $label}) {
    secondFactor { id method label createdAt lastUsedAt } recoveryCodes userErrors { code field } } }"""
PASSKEY_CHALLENGE = "mutation { passkeyChallenge { options userErrors { code field } } }"
STEP_UP = """mutation ($password: String, $given: SecondFactorInput) {
  stepUp(input: {password: $password, secondFactor: $given}) { validUntil userErrors { code field } } }"""
REMOVE = "mutation ($id: ID!) { secondFactorRemove(input: {id: $id}) { removedId userErrors { code field } } }"
RENEW = "mutation { recoveryCodesRenew { recoveryCodes userErrors { code field } } }"
OWN = "{ viewer { kind secondFactors { id method label createdAt lastUsedAt } } }"


@dataclass(frozen=True)
class App:
    """An authenticator app that was enrolled through the API."""

    id: str
    seed: str
    codes: list[str]

    def given(self, off: int = 0) -> dict[str, str]:
        """What it shows now, or so many time steps later."""
        return {"totpCode": totp.code_of(self.seed, totp.current_step() + off)}


async def with_app(shop: Shop, token: str, label: str | None = None) -> App:
    """Enrols an app, whose code for the time step before was the one that confirmed it."""
    begun = await asked(shop, TOTP_ENROLL, token)
    assert begun["userErrors"] == []
    code = totp.code_of(begun["secret"], totp.current_step() - 1)
    confirmed = await asked(shop, TOTP_CONFIRM, token, code=code, label=label)
    assert confirmed["userErrors"] == []
    return App(confirmed["secondFactor"]["id"], begun["secret"], confirmed["recoveryCodes"])


async def with_passkey(shop: Shop, token: str, browser: Browser, label: str | None = None) -> dict[str, Any]:
    """Enrols a passkey of the browser, and answers the payload."""
    begun = await asked(shop, PASSKEY_ENROLL, token)
    assert begun["userErrors"] == []
    confirmed = await asked(shop, PASSKEY_CONFIRM, token, credential=browser.create(begun["options"]), label=label)
    assert confirmed["userErrors"] == []
    return confirmed


async def sign_in(shop: Shop, whose: UUID | str, password: str = PASSWORD, **given: Any) -> dict[str, Any]:
    """The payload of a sign-in."""
    identifier = whose if isinstance(whose, str) else email_of(whose)
    answer = (await post(shop, SIGN_IN, input={"identifier": identifier, "password": password, **given})).json()
    assert "errors" not in answer, answer
    return answer["data"]["signIn"]


async def complete(shop: Shop, challenge: str, given: dict[str, Any], token: str | None = None) -> httpx.Response:
    return await post(shop, COMPLETE, token, challenge=challenge, given=given)


async def entered(shop: Shop, whose: UUID | str, given: dict[str, Any], **terms: Any) -> str:
    """The token of a session that password and second factor open."""
    waiting = await sign_in(shop, whose, **terms)
    payload = (await complete(shop, waiting["challenge"]["token"], given)).json()["data"]["signInComplete"]
    assert payload["userErrors"] == [], payload
    return payload["session"]["token"]
