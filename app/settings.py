"""What can be set from outside: the environment is the only source, and everything has a working default."""

import contextlib
import os
import secrets
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent

MAILBOX = r"^[^@\s<>]+@[^@\s<>]+$"

# A key is sent over TLS, or stays on this machine.
TLS = r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])(:|/|$))"

# A list in the environment is written with commas: LAYETTE_SHIPS_TO=US,CA
CommaSeparated = NoDecode


class Settings(BaseSettings):
    """The settings of one process, read from `LAYETTE_*` (and `DATABASE_URL`, `REDIS_URL`) once, at its start."""

    model_config = SettingsConfigDict(
        env_prefix="LAYETTE_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Path = Field(ROOT / ".layette", description="Folder of everything this installation keeps")
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on")
    seed: str = Field("demo", pattern=r"^(demo|none|bench:[1-9]\d{0,6})$", description="demo, bench:N or none")
    seed_password: SecretStr | None = Field(None, description="Password of the seeded sign-ins")
    rate_scale: float = Field(1.0, gt=0, description="Multiplies every rate budget")
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], CommaSeparated] = Field(
        (), description="Networks whose X-Forwarded-For is believed"
    )
    web_origins: Annotated[tuple[str, ...], CommaSeparated] = Field(
        (), description="Origins of web frontends that may call from a browser"
    )
    log_format: str = Field("auto", pattern="^(auto|json|console)$", description="auto is console on a terminal")
    secret: SecretStr | None = Field(
        None, min_length=32, description="Key of hashes and seals; kept in the home otherwise"
    )

    database_url: str | None = Field(None, validation_alias=AliasChoices("database_url", "DATABASE_URL"))
    redis_url: str | None = Field(None, validation_alias=AliasChoices("redis_url", "REDIS_URL"))

    smtp_url: SecretStr | None = Field(None, description="smtp://user:password@host:port; mail goes to files otherwise")
    mail_sender: str = Field("shop@layette.example", pattern=MAILBOX, description="Sender of every mail")

    payments: str = Field("local", pattern="^(local|stripe)$", description="local, a gateway in the home, or stripe")
    stripe_key: SecretStr | None = Field(None, description="Stripe's secret or restricted key")
    stripe_webhook_secret: SecretStr | None = Field(None, description="What signs Stripe's webhooks")
    stripe_url: str = Field("https://api.stripe.com", pattern=TLS, description="Where Stripe's API answers")

    storage_url: str | None = Field(
        None, description="s3://bucket/prefix, for uploaded pictures; a folder in the home otherwise"
    )
    media_url: str | None = Field(
        None, description="Where pictures are reached, as a CDN before the bucket; this server's /media otherwise"
    )

    shop_name: str = "Layette"
    support_email: str = Field("help@layette.example", pattern=MAILBOX)
    public_url: str | None = Field(None, description="Where customers reach the web shop: links in mails begin with it")
    ships_to: Annotated[tuple[str, ...], CommaSeparated] = (
        "US", "CA", "GB", "IE", "DE", "FR", "IT", "ES", "NL", "BE", "AT", "JP", "AU",
    )  # fmt: skip

    store: str = Field("US-NY", pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", description="Where the store is")

    @field_validator("trusted_proxies", "web_origins", "ships_to", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("ships_to")
    @classmethod
    def _upper(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one")
        return tuple(code.upper() for code in value)

    @field_validator("stripe_key", "stripe_webhook_secret")
    @classmethod
    def _one_of_stripes(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        begins = {"stripe_key": ("sk_", "rk_"), "stripe_webhook_secret": ("whsec_",)}[str(info.field_name)]
        if value is not None and not value.get_secret_value().startswith(begins):
            raise ValueError(f"it begins with {' or '.join(begins)}")
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _half_configured(self) -> Self:
        given = {"LAYETTE_STRIPE_KEY": self.stripe_key, "LAYETTE_STRIPE_WEBHOOK_SECRET": self.stripe_webhook_secret}
        missing = " and ".join(name for name, value in given.items() if value is None)
        if self.payments == "stripe" and missing:
            raise ValueError(f"LAYETTE_PAYMENTS=stripe needs {missing}: Stripe's dashboard shows them under Developers")
        if self.payments == "local" and any(given.values()):
            raise ValueError("keys of Stripe are set, and money would go nowhere: set LAYETTE_PAYMENTS=stripe as well")
        return self

    @property
    def address(self) -> str:
        """Where this server listens, as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def shop_url(self) -> str:
        """What links in mails begin with, without a slash at the end."""
        return (self.public_url or self.address).rstrip("/")

    @property
    def gateway(self) -> Path:
        """The folder of the local payment gateway's book."""
        return self.home / "gateway"

    @property
    def media_base(self) -> str:
        """What addresses of uploaded pictures begin with, without a slash at the end."""
        return (self.media_url or f"{self.shop_url}/media").rstrip("/")

    @property
    def mailbox(self) -> Path:
        """The folder the local mail adapter writes to."""
        return self.home / "mail"

    @cached_property
    def server_secret(self) -> bytes:
        """What keys of hashes and of sealed values are made from: `LAYETTE_SECRET`, else made once and kept.

        With another one counters begin anew, authenticator apps have to be set up again, and nobody can read the
        measurements that are kept.
        """
        if self.secret is not None:
            return self.secret.get_secret_value().encode()
        return _kept_secret(self.home / "secret").encode()


def _kept_secret(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written whole before it gets its name, and linked, not renamed: of two first starts one wins, and both use it.
    with NamedTemporaryFile("w", dir=path.parent, prefix="secret.") as draft:
        draft.write(secrets.token_hex(32))
        draft.flush()
        os.fsync(draft.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft.name, path)
    return path.read_text().strip()
