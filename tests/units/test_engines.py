"""Several engines over one schema, as several applications in one process have."""

from reads.reference import OWN_RESOLVER, OWN_SUBSCRIBER
from resolvers.root import core_schema, open_engine


def test_another_engine_does_not_lie_over_the_one_before():
    open_engine()
    schema = core_schema()
    assert schema.mutation_type is not None
    assert schema.subscription_type is not None
    fields = [*schema.mutation_type.fields.values(), *schema.subscription_type.fields.values()]
    followed = schema.subscription_type.fields.values()
    before = [field.extensions[OWN_RESOLVER] for field in fields]
    begun = [field.extensions[OWN_SUBSCRIBER] for field in followed]
    open_engine()
    assert [field.extensions[OWN_RESOLVER] for field in fields] == before
    assert [field.extensions[OWN_SUBSCRIBER] for field in followed] == begun
    assert not {field.resolve for field in fields} & set(before)
    assert not {field.subscribe for field in followed} & set(begun)
