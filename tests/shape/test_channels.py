"""P1: every row of personal data says through which channel it came, or is part of one that does."""

from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, MetaData, Table, Text, Uuid

import models
from models.base import CHANNEL, COLLECTED, KEY, Unclassified, channel_of, made_here, refuse_channelless
from models.classification import ChannelOf, MadeHere, Personal, Source, classification

GIVEN = models.metadata.tables["account"].c.name.info["privacy"]
SEEN = GIVEN.but("user.device", sources=frozenset({Source.AUTOMATED}))


def says_its_channel(table: Table) -> bool:
    """Whether each row says it, or refers to one that does; or nobody gave it."""
    says = table.info.get(CHANNEL)
    if isinstance(says, ChannelOf):
        (key,) = table.c[says.reference].foreign_keys
        return not table.c[says.reference].nullable and says_its_channel(key.column.table)
    if isinstance(says, MadeHere):
        return True
    column = table.c.get(CHANNEL)
    return column is not None and not column.nullable and classification(column) is COLLECTED


def is_personal(table: Table) -> bool:
    return any(isinstance(classification(column), Personal) for column in table.columns)


def planted(*columns: Column[Any], what: Personal = GIVEN, **options: Any) -> Table:
    """A table with something personal in it."""
    return Table("planted", MetaData(), Column("name", Text(), info={"privacy": what}), *columns, **options)


def reference(target: Any, *, nullable: bool = False) -> Column[Any]:
    keys = [ForeignKey(target)] if target is not None else []
    return Column("parent_id", Uuid(), *keys, nullable=nullable, info={"privacy": KEY})


PERSONAL = [table for table in models.metadata.sorted_tables if is_personal(table)]


@pytest.mark.parametrize("table", PERSONAL, ids=str)
def test_p1_personal_rows_say_through_which_channel_they_came(table: Table):
    assert says_its_channel(table)


def test_p1_part_of_a_part_is_followed_to_the_row_that_says_it():
    tables = models.metadata.tables
    assert isinstance(tables["cart_alteration"].info[CHANNEL], ChannelOf)
    assert isinstance(tables["cart_line"].info[CHANNEL], ChannelOf)
    assert CHANNEL in tables["cart"].c
    assert not says_its_channel(planted(reference(tables["brand"].c.id), **channel_of("parent_id")))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ([], {}),
        ([Column("channel", Text(), nullable=True, info={"privacy": COLLECTED})], {}),
        ([], channel_of("parent_id")),
        ([reference("cart.id", nullable=True)], channel_of("parent_id")),
        ([reference(None)], channel_of("parent_id")),
        ([], made_here("a rogue that says so")),
    ],
    ids=["silent", "perhaps", "of nothing", "of something perhaps", "of anything", "given and made here"],
)
def test_p1_table_that_does_not_say_it_is_refused(columns: list[Column[Any]], says: dict[str, Any]):
    with pytest.raises(Unclassified, match=r"^planted: "):
        refuse_channelless(planted(*columns, **says))


def test_p1_what_the_shop_makes_itself_comes_through_no_channel():
    refuse_channelless(planted(what=SEEN, **made_here("noticed by the server itself")))
