"""Several engines over one schema, as several applications in one process have."""

from auth import permissions
from auth.sessions import live_session
from reads.engine import Engine
from reads.reference import OWN_RESOLVER
from resolvers.root import SCHEMA


def test_another_engine_does_not_lie_over_the_one_before():
    schema = SCHEMA._schema
    Engine(schema, live_session, permissions)
    mutations = schema.mutation_type
    assert mutations is not None
    before = [field.extensions[OWN_RESOLVER] for field in mutations.fields.values()]
    Engine(schema, live_session, permissions)
    assert [field.extensions[OWN_RESOLVER] for field in mutations.fields.values()] == before
    assert not {field.resolve for field in mutations.fields.values()} & set(before)
