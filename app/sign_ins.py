"""The sign-ins of the fictional shop, remembered in the home so that every start can print them."""

import secrets
from collections.abc import Sequence
from pathlib import Path

import orjson

from app.settings import Settings
from seeds.sign_in import SignIn


def password(settings: Settings) -> str:
    """The password that seeded people sign in with: LAYETTE_SEED_PASSWORD, else one made for this home."""
    if settings.seed_password is not None:
        return settings.seed_password.get_secret_value()
    known = remembered(settings)
    return known[0].password if known else secrets.token_urlsafe(12)


def remember(settings: Settings, sign_ins: Sequence[SignIn]) -> None:
    """Keeps them readable by this user alone."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _file(settings)
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_bytes(orjson.dumps([[one.email, one.password, one.note] for one in sign_ins]))


def remembered(settings: Settings) -> list[SignIn]:
    """What the last seeding of this home made; empty where there was none."""
    try:
        return [SignIn(*one) for one in orjson.loads(_file(settings).read_bytes())]
    except (FileNotFoundError, orjson.JSONDecodeError):
        return []


def _file(settings: Settings) -> Path:
    return settings.home / "sign-ins.json"
