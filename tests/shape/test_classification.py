"""Nothing is stored that no model names and classifies: the check finds whatever somebody puts beside them."""

from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from sqlalchemy import MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import models
from models.base import Base, Unclassified, column, key
from models.classification import Erasure, NotPersonal, Personal, Purpose, classification
from privacy.reflection import undeclared
from tests.support.database import RolledBackDatabase

PERSONAL = models.metadata.tables["account"].c.email.info["privacy"]

ROGUES = {
    "a column": (
        ["ALTER TABLE account ADD shoe_size text"],
        "column account.shoe_size is not declared",
    ),
    "a column of a table without persons": (
        ["ALTER TABLE product ADD bought_by uuid"],
        "column product.bought_by is not declared",
    ),
    "a computed column": (
        ["ALTER TABLE account ADD folded text GENERATED ALWAYS AS (lower(email)) STORED"],
        "column account.folded is not declared",
    ),
    "a column that is computed only when read": (
        ["ALTER TABLE account ADD folded text GENERATED ALWAYS AS (name || phone) VIRTUAL"],
        "column account.folded is not declared",
    ),
    "a numbered column": (
        ["ALTER TABLE orders ADD serial bigint GENERATED ALWAYS AS IDENTITY"],
        "column orders.serial is not declared",
    ),
    "a column that has gone": (
        ["ALTER TABLE brand DROP COLUMN name"],
        "column brand.name is declared and not there",
    ),
    "another type": (
        ["ALTER TABLE orders ALTER total TYPE numeric"],
        "column orders.total is numeric, declared bigint",
    ),
    "a shorter type": (
        ["ALTER TABLE address ALTER city TYPE varchar(80)"],
        "column address.city is character varying(80), declared text",
    ),
    "a null where none may be": (
        ["ALTER TABLE address ALTER channel DROP NOT NULL"],
        "column address.channel is nullable, declared otherwise",
    ),
    "a column that computes itself": (
        [
            "ALTER TABLE size_preference DROP size",
            "ALTER TABLE size_preference ADD size text NOT NULL GENERATED ALWAYS AS (garment) STORED",
        ],
        "column size_preference.size gets its values otherwise than declared",
    ),
    "a table": (["CREATE TABLE leads (email text)"], "table public.leads is not declared"),
    "an unlogged table": (["CREATE UNLOGGED TABLE scratch (email text)"], "table public.scratch is not declared"),
    "a copy": (["CREATE TABLE account_old AS TABLE account"], "table public.account_old is not declared"),
    "an heir": (["CREATE TABLE account_2026 () INHERITS (account)"], "table public.account_2026 is not declared"),
    "a partitioned table": (
        ["CREATE TABLE visits (seen date, who uuid) PARTITION BY RANGE (seen)"],
        "table public.visits is not declared",
    ),
    "a partition": (
        [
            "CREATE TABLE visits (seen date, who uuid) PARTITION BY RANGE (seen)",
            "CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        ],
        "table public.visits_2026 is not declared",
    ),
    "a table in a schema of its own": (
        ["CREATE SCHEMA attic", "CREATE TABLE attic.letters (body text)"],
        "table attic.letters is not declared",
    ),
    "a schema": (["CREATE SCHEMA attic"], "schema attic is not declared"),
    "a table that has gone": (
        ["DROP TABLE guardian_request CASCADE"],
        "table public.guardian_request is declared and not there",
    ),
    "a view": (["CREATE VIEW mailing AS SELECT email FROM account"], "view public.mailing is not declared"),
    "a materialized view": (
        ["CREATE MATERIALIZED VIEW mailing AS SELECT email FROM account"],
        "materialized view public.mailing is not declared",
    ),
    "a foreign table": (
        [
            "CREATE FOREIGN DATA WRAPPER abroad",
            "CREATE SERVER elsewhere FOREIGN DATA WRAPPER abroad",
            "CREATE FOREIGN TABLE remote (email text) SERVER elsewhere",
        ],
        "foreign table public.remote is not declared",
    ),
    "a foreign server": (
        ["CREATE FOREIGN DATA WRAPPER abroad", "CREATE SERVER elsewhere FOREIGN DATA WRAPPER abroad"],
        "server elsewhere is not declared",
    ),
    "a sequence": (["CREATE SEQUENCE order_number"], "sequence public.order_number is not declared"),
    "a function": (
        ["CREATE FUNCTION peek() RETURNS text LANGUAGE sql AS 'SELECT min(email) FROM account'"],
        "function public.peek() is not declared",
    ),
    "a procedure": (
        ["CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM account'"],
        "procedure public.tidy() is not declared",
    ),
    "an aggregate": (
        ["CREATE AGGREGATE all_of (text) (SFUNC = textcat, STYPE = text)"],
        "aggregate public.all_of(pg_catalog.text) is not declared",
    ),
    "a trigger": (
        [
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER spy AFTER INSERT ON account FOR EACH ROW EXECUTE FUNCTION note()",
        ],
        "trigger spy on public.account is not declared",
    ),
    "an event trigger": (
        [
            "CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION note()",
        ],
        "event trigger spy is not declared",
    ),
    "a rule": (
        ["CREATE RULE spy AS ON DELETE TO account DO INSTEAD NOTHING"],
        "rule spy on public.account is not declared",
    ),
    "a policy": (
        ["CREATE POLICY everyone ON account USING (true)"],
        "policy everyone on public.account is not declared",
    ),
    "an enum": (["CREATE TYPE mood AS ENUM ('GOOD', 'BAD')"], "type public.mood is not declared"),
    "a domain": (["CREATE DOMAIN email AS text"], "type public.email is not declared"),
    "a composite type": (["CREATE TYPE person AS (name text, email text)"], "type public.person is not declared"),
    "a range type": (["CREATE TYPE ages AS RANGE (subtype = int4)"], "type public.ages is not declared"),
    "statistics, which are samples of values": (
        ["CREATE STATISTICS both_of ON name, email FROM account"],
        "statistics object public.both_of is not declared",
    ),
    "a publication": (["CREATE PUBLICATION leak FOR TABLE account"], "publication leak is not declared"),
    "a subscription": (
        ["CREATE SUBSCRIPTION inflow CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)"],
        "subscription inflow is not declared",
    ),
    "an extension": (["CREATE EXTENSION hstore"], "extension hstore is not declared"),
    "a large object": (["SELECT lo_from_bytea(4711, 'a passport')"], "large object 4711 is not declared"),
    "an index": (
        ["CREATE INDEX by_name ON account (lower(name))"],
        "index by_name of account is not declared",
    ),
    "an index that has gone": (
        ["DROP INDEX ix_address_account_id"],
        "constraint fk_address_account_id of address has no index that begins with its columns",
    ),
    "an index of only some rows": (
        [
            "DROP INDEX ix_review_account_id",
            "CREATE INDEX ix_review_account_id ON review (account_id) WHERE rating = 5",
        ],
        "constraint fk_review_account_id of review has no index that begins with its columns",
    ),
    "a constraint": (
        ["ALTER TABLE account ADD CONSTRAINT odd CHECK (name <> 'x')"],
        "constraint odd of account is not declared",
    ),
    "a foreign key": (
        ["ALTER TABLE job ADD CONSTRAINT who FOREIGN KEY (subject_id) REFERENCES account"],
        "constraint who of job is not declared",
    ),
    "a foreign key that deletes otherwise": (
        [
            "ALTER TABLE address DROP CONSTRAINT fk_address_account_id",
            "ALTER TABLE address ADD CONSTRAINT fk_address_account_id FOREIGN KEY (account_id) REFERENCES account",
        ],
        "constraint fk_address_account_id of address refers otherwise than declared",
    ),
    "a word of an enum": (
        [
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_status",
            "ALTER TABLE orders ADD CONSTRAINT ck_orders_status CHECK (status IN ('PLACED', 'LOST'))",
        ],
        "constraint ck_orders_status of orders has other words or numbers than declared",
    ),
    "an enum without its check": (
        ["ALTER TABLE orders DROP CONSTRAINT ck_orders_status"],
        "constraint ck_orders_status of orders is declared and not there",
    ),
}


async def test_a_migrated_database_holds_what_is_declared(database: RolledBackDatabase):
    assert await undeclared(database.connection) == []


@pytest.mark.parametrize("rogue", ROGUES)
async def test_rogue_is_found(database: RolledBackDatabase, rogue: str):
    statements, said = ROGUES[rogue]
    for statement in statements:
        await database.connection.execute(text(statement))
    assert said in await undeclared(database.connection)


# ---- keys within JSON


def note_table(metadata: MetaData, keys: dict[str, Any] | None = None) -> Table:
    class Own(DeclarativeBase):
        pass

    Own.metadata = metadata

    class Note(Own):
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True, info={"privacy": NotPersonal("a random key")})
        body: Mapped[Any] = mapped_column(
            JSONB, info={"privacy": PERSONAL} if keys is None else {"privacy": PERSONAL, "json_keys": keys}
        )

    return metadata.tables[Note.__tablename__]


async def said_of_notes(database: RolledBackDatabase, keys: dict[str, Any] | None, *bodies: str) -> list[str]:
    metadata = MetaData(naming_convention=models.metadata.naming_convention)
    note_table(metadata, keys)
    await database.connection.execute(
        text("CREATE TABLE note (id int CONSTRAINT pk_note PRIMARY KEY, body jsonb NOT NULL)")
    )
    for number, body in enumerate(bodies):
        await database.connection.execute(
            text("INSERT INTO note VALUES (:id, cast(:body as jsonb))"), {"id": number, "body": body}
        )
    return [said for said in await undeclared(database.connection, metadata) if "note" in said]


async def test_keys_of_json_are_declared_one_by_one(database: RolledBackDatabase):
    keys = {"size": PERSONAL, "child.age": PERSONAL, "items[].sku": NotPersonal("names goods")}
    kept = '{"size": {}, "child": {"age": [[]]}, "items": [{"sku": "x"}, {"sku": null}]}'
    assert await said_of_notes(database, keys, kept, "{}", "[]", "7") == []


async def test_key_that_is_not_declared_is_found_however_deep_it_lies(database: RolledBackDatabase):
    keys = {"size": PERSONAL, "items[].sku": NotPersonal("names goods")}
    found = await said_of_notes(
        database, keys, '{"size": 1, "email": "a"}', '{"items": [{"sku": 1}, {"by": {"name": 2}}]}', '[{"phone": 3}]'
    )
    assert found == [
        "key [].phone of note.body is not declared",
        "key email of note.body is not declared",
        "key items[].by of note.body is not declared",
        "key items[].by.name of note.body is not declared",
    ]


async def test_json_without_declared_keys_may_hold_none(database: RolledBackDatabase):
    assert await said_of_notes(database, None, '{"a": 1}') == ["key a of note.body is not declared"]


async def test_declared_key_is_classified(database: RolledBackDatabase):
    assert await said_of_notes(database, {"a": "harmless"}, '{"a": 1}') == ["key a of note.body is not classified"]


# ---- the declarations themselves


async def test_table_beside_the_base_is_found_unclassified(database: RolledBackDatabase):
    metadata = MetaData()
    table = note_table(metadata)
    del table.c.body.info["privacy"]
    assert "column note.body is not classified" in await undeclared(database.connection, metadata)


def test_model_without_a_classified_column_is_refused():
    with pytest.raises(Unclassified, match="name says neither"):

        class Rogue(Base):
            __tablename__ = "rogue"
            id: Mapped[Any] = key()
            name: Mapped[str] = mapped_column()

    Base.metadata.remove(Base.metadata.tables["rogue"])


def test_personal_column_without_its_subject_is_refused():
    with pytest.raises(Unclassified, match="its subject column 'account_id' is not in the table"):

        class Orphan(Base):
            __tablename__ = "orphan"
            id: Mapped[Any] = key()
            name: Mapped[str] = column(
                Personal("user.name", PERSONAL.purposes, "account", PERSONAL.erasure),
                Text,
            )

    Base.metadata.remove(Base.metadata.tables["orphan"])


def personal_of(table: Table) -> list[Personal]:
    found = [classification(one) for one in table.columns]
    return [one for one in found if isinstance(one, Personal)]


@pytest.mark.parametrize("table", models.metadata.tables.values(), ids=str)
def test_personal_table_names_one_subject(table: Table):
    subjects = {one.subject for one in personal_of(table)}
    assert len(subjects) <= 1
    for name in subjects:
        subject = table.c[name]
        refers = {key.column.table.name for key in subject.foreign_keys}
        assert refers == {"account"} or subject.primary_key, f"{subject} names nobody"


def enums_of(model: type[Base]) -> dict[str, type[StrEnum]]:
    """The columns that hold words of an enum, from their annotations."""
    found = {}
    for name, hint in get_type_hints(model).items():
        if get_origin(hint) is Mapped:
            words = [one for one in parts_of(hint) if isinstance(one, type) and issubclass(one, StrEnum)]
            if words:
                found[name] = words[0]
    return found


def parts_of(hint: Any) -> list[Any]:
    return [hint, *(part for one in get_args(hint) for part in parts_of(one))]


MODELS = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__name__)


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_enum_has_a_check_of_its_words(model: type[Base]):
    table: Any = model.__table__
    checks = {str(one.name): str(getattr(one, "sqltext", "")) for one in table.constraints}
    for name, words in enums_of(model).items():
        check = checks[f"ck_{table.name}_{name}"]
        assert all(f"'{word.value}'" in check for word in words)
        assert check.count("'") == 2 * len(words)


@pytest.mark.parametrize("note", [None, ""])
def test_p45_business_needs_a_balancing_note(note: str | None):
    purposes = frozenset({Purpose.BUSINESS})
    with pytest.raises(ValueError, match="needs a balancing note"):
        Personal("user.name", purposes=purposes, retention="account", erasure=Erasure.KEEP, balancing_note=note)
    noted = Personal("user.name", purposes=purposes, retention="account", erasure=Erasure.KEEP, balancing_note="LIA 1")
    assert noted.balancing_note == "LIA 1"
