"""Storage of files for tests."""

from obstore.store import MemoryStore

from gateways.storage import ObjectStorage

IN_MEMORY = ObjectStorage(MemoryStore(), typed=True)
