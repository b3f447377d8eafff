"""A browser with an authenticator, in software: answers what the shop asks as W3C Web Authentication says."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

USER_PRESENT, USER_VERIFIED, HAS_KEY = 1, 4, 64
ES256, EDDSA, RS256 = -7, -8, -257

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class NotAllowedError(Exception):
    """The browser has nothing to answer with, or may not."""


@dataclass
class Passkey:
    key: Key
    credential_id: bytes
    rp_id: str
    user_handle: bytes
    count: int


@dataclass
class Browser:
    """Shows pages of `origin`. `counts`: its authenticator counts signatures; synchronised ones say 0 always."""

    origin: str
    algorithm: int = ES256
    counts: bool = True
    flags: int = USER_PRESENT | USER_VERIFIED
    passkeys: list[Passkey] = field(default_factory=list)

    def create(self, options: str) -> str:
        """What `navigator.credentials.create` gives, as `toJSON()` writes it."""
        asked = json.loads(options)
        excluded = {text(one["id"]) for one in asked.get("excludeCredentials", [])}
        if excluded & {passkey.credential_id for passkey in self.passkeys}:
            raise NotAllowedError
        made = Passkey(
            new_key(self.algorithm), secrets.token_bytes(32), asked["rp"]["id"], text(asked["user"]["id"]), 0
        )
        self.passkeys.append(made)
        return self.attested(made, asked["challenge"])

    def attested(self, made: Passkey, challenge: str, **said: Any) -> str:
        """The answer to `create`; `said` replaces members of the attestation object."""
        data = self._data(made, self.flags | HAS_KEY) + attested_key(made)
        attestation = {"fmt": "none", "attStmt": {}, "authData": data} | said
        return credential(
            made.credential_id,
            clientDataJSON=self._client_data("webauthn.create", challenge),
            attestationObject=encode_cbor(attestation),
        )

    def get(self, options: str) -> str:
        """What `navigator.credentials.get` gives."""
        asked = json.loads(options)
        allowed = {text(one["id"]) for one in asked.get("allowCredentials", [])}
        fitting = [
            one for one in self.passkeys if one.rp_id == asked["rpId"] and (not allowed or one.credential_id in allowed)
        ]
        if not fitting:
            raise NotAllowedError
        return self.asserted(fitting[0], asked["challenge"])

    def asserted(self, passkey: Passkey, challenge: str) -> str:
        """The passkey's signature on a challenge, whoever asked for it."""
        passkey.count += self.counts
        data = self._data(passkey, self.flags)
        client_data = self._client_data("webauthn.get", challenge)
        return credential(
            passkey.credential_id,
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=signature(passkey.key, data + sha256(client_data).digest()),
            userHandle=passkey.user_handle,
        )

    def copied(self) -> "Browser":
        """Another one with a copy of the same authenticator."""
        keys = [one.key for one in self.passkeys]
        return Browser(
            self.origin,
            self.algorithm,
            self.counts,
            self.flags,
            [
                Passkey(key, one.credential_id, one.rp_id, one.user_handle, one.count)
                for key, one in zip(keys, self.passkeys, strict=True)
            ],
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, passkey: Passkey, flags: int) -> bytes:
        return sha256(passkey.rp_id.encode()).digest() + bytes([flags]) + passkey.count.to_bytes(4, "big")


def attested_key(made: Passkey) -> bytes:
    length = len(made.credential_id).to_bytes(2, "big")
    return bytes(16) + length + made.credential_id + encode_cbor(cose(made.key))


def new_key(algorithm: int) -> Key:
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048) if algorithm == RS256 else ec.generate_private_key(ec.SECP256R1())


def cose(key: Key) -> dict[int, Any]:
    """The public key as RFC 9053 writes it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}
    point = key.public_key().public_numbers()
    return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}


def signature(key: Key, signed: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(signed)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), SHA256())
    return key.sign(signed, ec.ECDSA(SHA256()))


def credential(credential_id: bytes, **response: bytes) -> str:
    """A PublicKeyCredential as JSON."""
    shown = base64url(credential_id)
    answer = {name: base64url(value) for name, value in response.items()}
    return json.dumps({"id": shown, "rawId": shown, "type": "public-key", "response": answer})


def edited(answer: str, **response: Any) -> str:
    """The answer with members of its response replaced."""
    found = deepcopy(json.loads(answer))
    found["response"] |= response
    return json.dumps(found)


def base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def text(shown: str) -> bytes:
    """The bytes behind base64url."""
    return urlsafe_b64decode(shown + "=" * (-len(shown) % 4))
