"""The servers there are, by the names that the keeper is told."""

from app.embedded.postgres import PostgresServer
from app.embedded.valkey import ValkeyServer

PARTS: dict[str, type[PostgresServer] | type[ValkeyServer]] = {"postgres": PostgresServer, "valkey": ValkeyServer}
