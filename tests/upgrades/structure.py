"""How a database is built, in sentences that can be compared: relations, columns, constraints, indexes and programs."""

import asyncpg

_STRUCTURE = """
SELECT format('%s %s %s', c.relkind, c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind <> 'i'
UNION ALL
SELECT format('column %s of %s: %s %s collate %s default %s generated %L identity %L, number %s',
              a.attname, c.relname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
              a.attcollation, pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity,
              row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('constraint %s of %s: %s', o.conname, o.conrelid::regclass, pg_get_constraintdef(o.oid))
FROM pg_constraint o WHERE o.connamespace = 'public'::regnamespace
UNION ALL
SELECT format('index: %s %s', pg_get_indexdef(i.indexrelid), CASE WHEN NOT i.indisvalid THEN 'not valid' END)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('trigger: %s', pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT format('function: %s', pg_get_functiondef(p.oid)) FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
UNION ALL
SELECT format('extension %s %s', e.extname, e.extversion) FROM pg_extension e
"""

_UNPROVEN = """
SELECT format('constraint %s of %s', conname, conrelid::regclass)
FROM pg_constraint WHERE NOT (convalidated AND conenforced)
UNION ALL
SELECT format('index %s of %s', indexrelid::regclass, indrelid::regclass) FROM pg_index WHERE NOT indisvalid
"""


async def structure(connection: asyncpg.Connection) -> frozenset[str]:
    """Everything about the tables but their rows."""
    return frozenset(row[0] for row in await connection.fetch(_STRUCTURE))


async def unproven(connection: asyncpg.Connection) -> list[str]:
    """The constraints and indexes that need not hold for the rows that there are."""
    return [row[0] for row in await connection.fetch(_UNPROVEN)]
