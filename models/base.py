"""The base of all tables: it refuses a column that does not say what it is."""

from dataclasses import replace
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeEngine

from models.classification import (
    Channel,
    ChannelOf,
    Classification,
    MadeHere,
    NotPersonal,
    Personal,
    Source,
    classification,
)
from models.ids import new_id

KEY = NotPersonal("a random key that means nothing outside the shop")
VERSION = NotPersonal("counts edits of the row, for optimistic locking")
ROW_TIME = NotPersonal("when the row was written; goes with the row")
COLLECTED = NotPersonal("the channel the row was collected through (P1)")
CHANNEL = "channel"


class Unclassified(TypeError):
    """A model has a column that does not say what it is."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_unclassified(cls.__table__)
        refuse_channelless(cls.__table__)
        lift_checks(cls.__table__)


def refuse_unclassified(table: Any) -> None:
    """Raises Unclassified for a column without a declaration, or a personal one whose subject column is missing."""
    assert isinstance(table, Table)
    for column in table.columns:
        try:
            found = classification(column)
        except LookupError:
            raise Unclassified(f"{table.name}.{column.name} says neither Personal nor NotPersonal") from None
        if isinstance(found, Personal) and found.subject not in table.columns:
            raise Unclassified(f"{table.name}.{column.name}: its subject column {found.subject!r} is not in the table")


def refuse_channelless(table: Any) -> None:
    """Raises Unclassified for a table of personal data whose rows do not say through which channel they came (P1)."""
    assert isinstance(table, Table)
    says = table.info.get(CHANNEL)
    personal = [found for found in map(classification, table.columns) if isinstance(found, Personal)]
    if isinstance(says, MadeHere) and any(Source.DIRECT in found.sources for found in personal):
        raise Unclassified(f"{table.name}: what is given comes through a channel")
    if isinstance(says, MadeHere) or not personal:
        return
    column = table.columns.get(says.reference if isinstance(says, ChannelOf) else CHANNEL)
    if column is None or column.nullable:
        raise Unclassified(f"{table.name}: no channel is in each row, nor a reference to the row that has it")
    if isinstance(says, ChannelOf) and not column.foreign_keys:
        raise Unclassified(f"{table.name}: {column.name} refers to no row that has a channel")


def lift_checks(table: Any) -> None:
    """Makes the columns' CHECKs the table's, where migrations look for them."""
    for column in table.columns:
        for check in [one for one in column.constraints if isinstance(one, CheckConstraint)]:
            column.constraints.discard(check)
            table.append_constraint(CheckConstraint(check.sqltext, name=check.name))


def column(what: Classification, type_: TypeEngine[Any] | type[TypeEngine[Any]], *args: Any, **options: Any) -> Any:
    """A classified column; everything after `what` is mapped_column's."""
    return mapped_column(type_, *args, info={"privacy": what}, **options)


def string(what: Classification, **options: Any) -> Any:
    return column(what, Text, **options)


def code(what: Classification, pattern: str, name: str, **options: Any) -> Any:
    """Text that a CHECK keeps to a pattern with nothing that JSON must escape, which reads then need not look for."""
    check = CheckConstraint(f"{name} ~ '{pattern}'", name=name)
    return mapped_column(Text, check, info={"privacy": what, "json_safe": True}, **options)


def number(what: Classification, **options: Any) -> Any:
    return column(what, Integer, **options)


def minor_units(what: Classification, **options: Any) -> Any:
    """Money in integer minor units."""
    return column(what, BigInteger, **options)


def flag(what: Classification, default: bool | None = None, **options: Any) -> Any:
    if default is not None:
        options["server_default"] = text("true" if default else "false")
    return column(what, Boolean, **options)


def moment(what: Classification, **options: Any) -> Any:
    return column(what, DateTime(timezone=True), **options)


def digest(what: Classification, **options: Any) -> Any:
    """A SHA-256 or HMAC-SHA256, 32 bytes: a secret."""
    return column(replace(what, secret=True), LargeBinary, **options)


def choice(what: Classification, words: type[StrEnum], name: str, **options: Any) -> Any:
    """One word of the enum, as text with a CHECK named for the column `name`."""
    return column(what, Text, CheckConstraint(f"{name} IN ({_quoted(words)})", name=name), **options)


def choices(what: Classification, words: type[StrEnum], name: str, **options: Any) -> Any:
    """A set of the enum's words, as text[] with a CHECK."""
    check = CheckConstraint(f"{name} <@ ARRAY[{_quoted(words)}]::text[]", name=name)
    return column(what, ARRAY(Text), check, server_default=text("'{}'"), **options)


def _quoted(words: type[StrEnum]) -> str:
    return ", ".join(f"'{word.value}'" for word in words)


def key() -> Any:
    return column(KEY, Uuid, primary_key=True, default=new_id)


def reference(target: str, *, index: bool = True, what: Classification = KEY, **options: Any) -> Any:
    """A foreign key with its index; `index=False` where another index begins with it."""
    ondelete = options.pop("ondelete", None)
    return column(what, Uuid, ForeignKey(target, ondelete=ondelete), index=index, **options)


def version() -> Any:
    return column(VERSION, Integer, server_default=text("1"))


def recorded_at(what: Classification = ROW_TIME) -> Any:
    return moment(what, server_default=func.now())


def channel() -> Any:
    """Non-null by type: a row without it cannot be written (P1)."""
    return choice(COLLECTED, Channel, CHANNEL)


def channel_of(reference: str) -> dict[str, Any]:
    """The last of a table's arguments where the row that `reference` refers to has the channel."""
    return {"info": {CHANNEL: ChannelOf(reference)}}


def made_here(reason: str) -> dict[str, Any]:
    """The last of a table's arguments where there was no channel: nobody gave the rows."""
    return {"info": {CHANNEL: MadeHere(reason)}}
