"""The tables. Importing this package knows them all: `metadata` is what migrations are compared with."""

from importlib import import_module
from pkgutil import iter_modules

from models.base import Base

for _module in iter_modules(__path__):
    import_module(f"models.{_module.name}")

metadata = Base.metadata

__all__ = ["Base", "metadata"]
