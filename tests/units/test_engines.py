"""Several engines over one schema, as several applications in one process have."""

from reads.reference import OWN_RESOLVER
from resolvers.root import core_schema, open_engine


def test_another_engine_does_not_lie_over_the_one_before():
    open_engine()
    mutations = core_schema().mutation_type
    assert mutations is not None
    fields = mutations.fields.values()
    before = [field.extensions[OWN_RESOLVER] for field in fields]
    open_engine()
    assert [field.extensions[OWN_RESOLVER] for field in fields] == before
    assert not {field.resolve for field in fields} & set(before)
