"""The sign-ins of the fictional shop, remembered in the home so that every start can print them."""

import secrets
from collections.abc import Sequence
from pathlib import Path

import orjson

from app.settings import Settings
from seeds.sign_in import SignIn


def password(settings: Settings) -> str:
    """The password that seeded people sign in with: LAYETTE_SEED_PASSWORD, else one made for this home.

    It is kept before anybody is seeded with it: a seeding that is killed must not leave people nobody can sign in as.
    """
    if settings.seed_password is not None:
        return settings.seed_password.get_secret_value()
    path = settings.home / "seed-password"
    if not path.exists():
        _write(path, secrets.token_urlsafe(12).encode())
    return path.read_text()


def remember(settings: Settings, sign_ins: Sequence[SignIn]) -> None:
    """Keeps them readable by this user alone."""
    _write(_file(settings), orjson.dumps([[one.email, one.password, one.note] for one in sign_ins]))


def remembered(settings: Settings) -> list[SignIn]:
    """What the last seeding of this home made; empty where there was none."""
    try:
        return [SignIn(*one) for one in orjson.loads(_file(settings).read_bytes())]
    except (FileNotFoundError, orjson.JSONDecodeError):
        return []


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    draft.write_bytes(content)
    draft.replace(path)


def _file(settings: Settings) -> Path:
    return settings.home / "sign-ins.json"
