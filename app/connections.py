"""How this process opens its ways out, from its settings."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from app.embedded import Services
from app.settings import Settings
from commerce.tools import Tools
from gateways.mail import Mailer, open_mailer
from gateways.notices import Notices
from gateways.payments import PaymentGateway
from gateways.payments.local import LocalGateway
from gateways.storage import Storage, open_storage
from models.database import Database

# Redis is a help, not a need: a request waits no longer than this for it (seconds).
REDIS_PATIENCE = 0.5


def redis_client(url: str) -> Redis:
    """A client that gives up soon, so that the shop keeps selling while Redis is away."""
    return Redis.from_url(url, socket_timeout=REDIS_PATIENCE, socket_connect_timeout=REDIS_PATIENCE)


def mailer(settings: Settings) -> Mailer:
    """SMTP where it is set, else the mailbox in the home folder."""
    smtp_url = settings.smtp_url.get_secret_value() if settings.smtp_url else None
    return open_mailer(smtp_url, settings.mail_sender, settings.home)


def payments(settings: Settings) -> PaymentGateway:
    """Stripe where it is set, else the gateway in the home folder; the other one is not there at all."""
    if settings.payments == "local":
        return LocalGateway(settings.gateway, settings.server_secret)
    from gateways.payments.stripe import Account, StripeGateway  # noqa: PLC0415 - its SDK takes half a second to load

    key, webhook_secret = settings.stripe_key, settings.stripe_webhook_secret
    assert key is not None
    assert webhook_secret is not None
    return StripeGateway(
        Account(key.get_secret_value(), webhook_secret.get_secret_value(), settings.server_secret, settings.stripe_url)
    )


def storage(settings: Settings) -> Storage:
    """A bucket where it is set, else the folder of pictures in the home."""
    return open_storage(settings.storage_url, settings.home)


@asynccontextmanager
async def tools(settings: Settings, services: Services, *, writers: int = 2) -> AsyncGenerator[Tools]:
    """What jobs work with, on connections of its own: `writers` transactions at once."""
    database = Database(services.database_url, readers=2, writers=writers)
    redis, gateway = redis_client(services.redis_url), payments(settings)
    notices = Notices(redis, settings.server_secret)
    database.on_change = notices.tell
    try:
        post = mailer(settings)
        yield Tools(database, redis, post, settings.shop_name, settings.shop_url, gateway, storage(settings))
    finally:
        await gateway.close()
        await notices.close()
        await database.close()
        await redis.aclose()
