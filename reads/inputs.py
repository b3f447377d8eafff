"""Coerced inputs as the objects that resolvers take: strawberry's, by functions that are made once of their types."""

from collections.abc import Callable
from dataclasses import MISSING
from functools import lru_cache
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, is_leaf_type
from strawberry.relay import GlobalID
from strawberry.types.base import StrawberryContainer, StrawberryMaybe

from reads.coercion import holds_itself

Make = Callable[[Any], Any]


class CannotMake(Exception):
    """Something that strawberry alone knows how to make."""


def maker(type_: Any, declared: Any) -> Make | None:
    """Makes what a resolver takes of a coerced value; None: it is that already. Raises CannotMake.

    `type_` is graphql-core's, `declared` strawberry's. Lists are new ones: a default is everybody's.
    """
    _check(declared)
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(type_, GraphQLList):
        return _list(maker(type_.of_type, None))
    if isinstance(type_, GraphQLInputObjectType):
        return known(type_)
    if not is_leaf_type(type_):
        raise CannotMake
    return None


def _check(declared: Any) -> None:
    while isinstance(declared, StrawberryContainer):
        if isinstance(declared, StrawberryMaybe):
            raise CannotMake
        declared = declared.of_type
    if declared is GlobalID:
        raise CannotMake


def _list(item: Make | None) -> Make:
    def make(value: Any) -> Any:
        if value is None:
            return None
        return list(value) if item is None else [item(one) for one in value]

    return make


@lru_cache(maxsize=1024)
def known(type_: GraphQLInputObjectType) -> Make:
    """The maker of an input's objects, made once. Raises CannotMake."""
    definition = type_.extensions["strawberry-definition"]
    if definition.from_input is not None or holds_itself(type_):
        raise CannotMake
    fields: dict[str, tuple[str, Make | None]] = {}
    for name, field in type_.fields.items():
        declared = field.extensions["strawberry-definition"]
        fields[name] = declared.python_name, maker(field.type, declared.type)
    absent = {
        one.python_name: None
        for one in definition.fields
        if one.default_value is MISSING and one.default_factory is MISSING
    }
    made_of = definition.origin

    def make(value: Any) -> Any:
        if value is None:
            return None
        given = absent.copy()
        for name, one in value.items():
            python_name, make_field = fields[name]
            given[python_name] = one if make_field is None else make_field(one)
        return made_of(**given)

    return make
