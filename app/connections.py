"""How this process opens its ways out, from its settings."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from app.embedded import Services
from app.settings import Settings
from commerce.tools import Tools
from gateways.mail import Mailer, open_mailer
from gateways.payments import PaymentGateway
from gateways.payments.local import LocalGateway
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
    return LocalGateway(settings.gateway, settings.server_secret)


@asynccontextmanager
async def tools(settings: Settings, services: Services, *, writers: int = 2) -> AsyncGenerator[Tools]:
    """What jobs work with, on connections of its own: `writers` transactions at once."""
    database = Database(services.database_url, readers=2, writers=writers)
    redis, gateway = redis_client(services.redis_url), payments(settings)
    try:
        yield Tools(database, redis, mailer(settings), settings.shop_name, settings.shop_url, gateway)
    finally:
        await gateway.close()
        await database.close()
        await redis.aclose()
