"""Passkeys and security keys (W3C Web Authentication, level 3): what a browser is asked, and what its answer proves.

What comes from a browser is hostile text: whatever is wrong with it, it proves nothing, and that is all that is told.
Attestation is not asked for and not looked at: it would tell who made somebody's authenticator, which decides nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    encode_cbor,
    generate_challenge,
    parse_authentication_credential_json,
    parse_cbor,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

T = TypeVar("T")

PATIENCE = 5 * 60 * 1000
"""Milliseconds that a browser gives its user."""

LONGEST_ANSWER = 20_000
"""Characters of an answer; a browser's has some hundred, with large keys a few thousand."""

LONGEST_CREDENTIAL_ID = 1023

_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom passkeys are good: the domain `id`, on pages of `origin`. `name` is what the browser shows."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """That a passkey is asked for: random bytes that it has to sign, and the passkeys that it may be."""

    challenge: bytes = field(repr=False)
    known: tuple[bytes, ...] = field(repr=False)

    def options(self, party: RelyingParty) -> str:
        """JSON text for `navigator.credentials.get`."""
        options = generate_authentication_options(
            rp_id=party.id,
            challenge=self.challenge,
            timeout=PATIENCE,
            allow_credentials=_descriptors(self.known),
            user_verification=UserVerificationRequirement.PREFERRED,
        )
        return options_to_json(options)


@dataclass(frozen=True, slots=True)
class NewPasskey:
    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose passkey is made: `handle` is an id without meaning, `name` and `display_name` are shown to them alone."""

    handle: bytes
    name: str = field(repr=False)
    display_name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assertion:
    """A browser's answer: which passkey it says that it used, not proved yet."""

    credential_id: bytes = field(repr=False)
    user_handle: bytes | None = field(repr=False)
    credential: AuthenticationCredential = field(repr=False)


def relying_party(shop_url: str, name: str) -> RelyingParty:
    """The shop as browsers know it. One on this machine is `localhost`: an address of numbers has no passkeys."""
    parts = urlsplit(shop_url)
    host = "localhost" if _is_loopback(parts.hostname or "") else parts.hostname or ""
    port = f":{parts.port}" if parts.port not in {None, _USUAL_PORTS.get(parts.scheme)} else ""
    return RelyingParty(host, f"{parts.scheme}://{host}{port}", name)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def ask(known: Sequence[bytes]) -> Asked:
    """Asks for one of the passkeys of these ids."""
    return Asked(generate_challenge(), tuple(known))


def enrolment(party: RelyingParty, asked: Asked, owner: Owner) -> str:
    """JSON text for `navigator.credentials.create`: a new passkey, on an authenticator that has no known one."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=owner.handle,
        user_name=owner.name,
        user_display_name=owner.display_name,
        challenge=asked.challenge,
        timeout=PATIENCE,
        exclude_credentials=_descriptors(asked.known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return options_to_json(options)


def enrolled(party: RelyingParty, challenge: bytes, answer: str) -> NewPasskey | None:
    """The passkey that the browser made for this challenge; None where the answer does not prove one."""
    if len(answer) > LONGEST_ANSWER:
        return None

    def verify() -> VerifiedRegistration:
        made = verify_registration_response(
            credential=_without_attestation(parse_registration_credential_json(answer)),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
        decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
        return made

    made = _unless_it_raises(verify)
    if made is None or not 0 < len(made.credential_id) <= LONGEST_CREDENTIAL_ID:
        return None
    return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count)


def _without_attestation(credential: RegistrationCredential) -> RegistrationCredential:
    """Some authenticators attest unasked, in formats whose checks are long: what they say is left out."""
    said = parse_cbor(credential.response.attestation_object)
    kept = {"fmt": "none", "attStmt": {}, "authData": said["authData"]}
    credential.response.attestation_object = encode_cbor(kept)
    return credential


def read_assertion(answer: str) -> Assertion | None:
    """The browser's answer, not proved; None where it is none."""
    if len(answer) > LONGEST_ANSWER:
        return None
    credential = _unless_it_raises(lambda: parse_authentication_credential_json(answer))
    if credential is None:
        return None
    return Assertion(credential.raw_id, credential.response.user_handle, credential)


def proved(
    party: RelyingParty, challenge: bytes, assertion: Assertion, public_key: bytes, sign_count: int
) -> int | None:
    """The passkey's new count of signatures; None where the answer is not its answer to this challenge.

    A count that did not grow is a copied passkey's (section 6.1.1); those that do not count say 0 always.
    """
    verified = _unless_it_raises(
        lambda: verify_authentication_response(
            credential=assertion.credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
        )
    )
    return None if verified is None else verified.new_sign_count


def _unless_it_raises(read: Callable[[], T]) -> T | None:
    """What is made of a browser's answer; None for whatever cannot be read or does not hold."""
    try:
        return read()
    except Exception:  # noqa: BLE001  # parsers of CBOR, JSON and keys raise what they like
        return None


def _descriptors(ids: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one) for one in ids]
