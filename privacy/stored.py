"""What a database holds, read from its catalogs: everything that somebody made in it, by kind and name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

_MADE = 16384
"""The first OID of what is made after initdb (access/transam.h)."""

_OBJECTS = f"""
WITH made (class, oid) AS (
  SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typcategory <> 'A' AND coalesce(c.relkind = 'c', true)
  UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE rulename <> '_RETURN'
  UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
  UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy
  UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast_temp)_'
  UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension
  UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
  UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
  UNION ALL SELECT 'pg_subscription'::regclass, s.oid FROM pg_subscription s
    JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
  UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
  UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
  UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata
  UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
  UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
  UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am
  UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
  UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
  UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
  UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language
  UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
  UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
)
SELECT known.type AS kind, known.identity AS name
FROM made, LATERAL pg_identify_object(made.class, made.oid, 0) AS known
WHERE (made.oid >= {_MADE} OR made.class = 'pg_largeobject'::regclass)
  AND coalesce(known.schema, '') !~ '^pg_(temp|toast)'
  AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = made.class AND d.objid = made.oid AND d.deptype = 'e'
  )
ORDER BY 1, 2
"""  # noqa: S608  # a constant of PostgreSQL

_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
       NOT a.attnotnull AS nullable, a.attgenerated <> '' AS computed, a.attidentity <> '' AS numbered
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
"""

_CONSTRAINTS = """
SELECT c.relname AS table, o.conname AS name, o.contype::text AS kind, pg_get_constraintdef(o.oid) AS text,
       ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY AS k(number, place)
             JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.number ORDER BY k.place) AS columns
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND o.contype <> 'n'
ORDER BY c.relname, o.conname
"""

_INDEXES = """
SELECT t.relname AS table, c.relname AS name, i.indpred IS NULL AS whole, i.indisvalid AS valid,
       EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.conrelid = i.indrelid) AS constraint,
       ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number > 0
             ORDER BY k.place) AS columns
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')
ORDER BY t.relname, c.relname
"""


@dataclass(frozen=True)
class Stored:
    """Rows of the catalogs. `objects` are of every kind, those of extensions left out; the rest is of tables."""

    objects: Sequence[Row[Any]]
    columns: Sequence[Row[Any]]
    constraints: Sequence[Row[Any]]
    indexes: Sequence[Row[Any]]


async def stored(connection: AsyncConnection) -> Stored:
    """What the connection's database holds."""
    found = [(await connection.execute(text(sql))).all() for sql in (_OBJECTS, _COLUMNS, _CONSTRAINTS, _INDEXES)]
    return Stored(*found)


async def keys_in(connection: AsyncConnection, table: str, column: str) -> list[str]:
    """The paths of all keys in a JSON column: `a`, `a.b`, and `a[].b` within a list."""
    name = connection.dialect.identifier_preparer.quote
    walk = f"""
    WITH RECURSIVE node (path, value) AS (
      SELECT '', to_jsonb({name(column)}) FROM {name(table)} WHERE {name(column)} IS NOT NULL
      UNION ALL
      SELECT below.path, below.value FROM node, LATERAL (
        SELECT concat_ws('.', nullif(node.path, ''), key), value
        FROM jsonb_each(CASE jsonb_typeof(node.value) WHEN 'object' THEN node.value ELSE '{{}}' END)
        UNION ALL
        SELECT node.path || '[]', value
        FROM jsonb_array_elements(CASE jsonb_typeof(node.value) WHEN 'array' THEN node.value ELSE '[]' END) AS value
      ) AS below (path, value)
    )
    SELECT DISTINCT path FROM node WHERE path ~ '[^]]$' ORDER BY path
    """  # noqa: S608  # names of our own tables, quoted
    return list((await connection.exec_driver_sql(walk)).scalars().all())
