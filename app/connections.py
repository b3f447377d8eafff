"""How this process opens its ways out, from its settings."""

from redis.asyncio import Redis

from app.settings import Settings
from gateways.mail import Mailer, open_mailer

# Redis is a help, not a need: a request waits no longer than this for it (seconds).
REDIS_PATIENCE = 0.5


def redis_client(url: str) -> Redis:
    """A client that gives up soon, so that the shop keeps selling while Redis is away."""
    return Redis.from_url(url, socket_timeout=REDIS_PATIENCE, socket_connect_timeout=REDIS_PATIENCE)


def mailer(settings: Settings) -> Mailer:
    """SMTP where it is set, else the mailbox in the home folder."""
    smtp_url = settings.smtp_url.get_secret_value() if settings.smtp_url else None
    return open_mailer(smtp_url, settings.mail_sender, settings.home)
