"""Variables coerced by functions that are made once of their types, as graphql-core coerces them.

They know what is sent as a rule and is right. Of all else graphql-core decides, which can tell what is wrong with it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    get_named_type,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value

Coerce = Callable[[Any], Any]

LEFT_AS_THEY_ARE = {"String": str, "ID": str, "Boolean": bool}
"""Scalars and the Python type of what needs no coercion."""


class Unsure(Exception):
    """Something that graphql-core decides about."""


def coercer(type_: Any) -> Coerce:
    """What coerces values of an input type. It raises Unsure."""
    if isinstance(type_, GraphQLNonNull):
        return _required(coercer(type_.of_type))
    if isinstance(type_, GraphQLList):
        return _list(coercer(type_.of_type))
    return known(type_)


def _required(coerce: Coerce) -> Coerce:
    def required(value: Any) -> Any:
        if value is None:
            raise Unsure
        return coerce(value)

    return required


def _list(item: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            raise Unsure
        return [item(one) for one in value]

    return coerce


@lru_cache(maxsize=1024)
def known(type_: Any) -> Coerce:
    """The coercer of a type that has a name, made once."""
    if not isinstance(type_, GraphQLInputObjectType):
        return _leaf(type_)
    if type_.is_one_of or holds_itself(type_):
        return _unsure
    return _object(type_)


def _unsure(value: Any) -> Any:
    if value is None:
        return None
    raise Unsure


def holds_itself(type_: GraphQLInputObjectType) -> bool:
    """Whether values may lie in each other to any depth, of which graphql-core has an opinion."""
    seen: set[str] = set()
    waiting: list[Any] = [type_]
    while waiting:
        for field in waiting.pop().fields.values():
            below = get_named_type(field.type)
            if below is type_:
                return True
            if isinstance(below, GraphQLInputObjectType) and below.name not in seen:
                seen.add(below.name)
                waiting.append(below)
    return False


def _leaf(type_: GraphQLLeafType) -> Coerce:
    read, exact = type_.coerce_input_value, LEFT_AS_THEY_ARE.get(type_.name)

    def coerce(value: Any) -> Any:
        return value if value is None or type(value) is exact else _surely(read, value)

    return coerce


def _object(type_: GraphQLInputObjectType) -> Coerce:
    """Fields in the order of the type, as graphql-core has them."""
    fields = [
        (name, field.out_name or name, coercer(field.type), _when_absent(field)) for name, field in type_.fields.items()
    ]
    names, out_type = type_.fields.keys(), type_.out_type

    def coerce(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict or not value.keys() <= names:
            raise Unsure
        found: dict[str, Any] = {}
        for name, out_name, coerce_field, absent in fields:
            if name in value:
                found[out_name] = coerce_field(value[name])
            elif absent is not None:
                found[out_name] = absent()
        return _surely(out_type, found)

    return coerce


def _surely(read: Coerce, value: Any) -> Any:
    try:
        found = read(value)
    except Exception:  # noqa: BLE001  # whatever is wrong, graphql-core tells
        raise Unsure from None
    if found is Undefined:
        raise Unsure
    return found


def _when_absent(field: GraphQLInputField) -> Callable[[], Any] | None:
    """What gives the value of a field that is not sent; None where it has none."""
    if is_required_input_field(field):
        return _missing
    if coerce_default_value(field) is Undefined:
        return None
    return lambda: coerce_default_value(field)


def _missing() -> Any:
    raise Unsure
