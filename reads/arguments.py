"""Arguments become conditions and values: literals at once, variables when the statement runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from graphql import VariableNode, coerce_input_literal
from graphql.execution.values import VariableValues, get_argument_values
from sqlalchemy import ColumnElement

from reads import declare
from reads.nodes import Bind, Viewer, Where


class CannotCompile(Exception):
    """The reference way has to answer."""


@dataclass(frozen=True)
class Fixed:
    """Gives what stands in the document."""

    value: Any

    def __call__(self, variables: Mapping[str, Any]) -> Any:
        return self.value


@dataclass
class Arguments:
    """Reads the arguments of one operation. `values` are its coerced variables; `binds` gathers what a statement has to
    evaluate with each request, even where no selected field uses it. An eager reader evaluates at once, to fail there.
    """

    values: VariableValues
    eager: bool
    viewer: Viewer
    binds: list[Bind] = field(default_factory=list)

    def arguments(
        self,
        declared: Mapping[str, declare.Argument],
        graphql_field: Any,
        node: Any,
        besides: frozenset[str] = frozenset(),
    ) -> dict[str, Where]:
        """The conditions of the arguments by name. The field may have other arguments `besides`."""
        values = get_argument_values(graphql_field, node, self.values)
        names = {argument_name(name): name for name in declared}
        if set(graphql_field.args) - set(names) - besides:
            raise CannotCompile("unmapped argument")
        where: dict[str, Where] = {}
        for shown, name in names.items():
            argument = declared[name]
            if values.get(shown) is None:
                if argument.absent is not None:
                    where[name] = lambda row, backend, absent=argument.absent: absent(row)
                continue
            get = self.argument(graphql_field, node, shown)
            bind = self.bind(Bind(argument.type, lambda v, w, get=get, a=argument: a.convert(get(v))))
            where[name] = lambda row, backend, a=argument, bind=bind: a.where(row, backend.bind(bind))
        return where

    def filter(self, declared: declare.Filter | None, graphql_field: Any, node: Any, given: Any) -> Any:
        """The conditions of a filter by name, and what gives its values to conditions and sort keys."""
        binds: dict[str, Bind] = {}
        shared = {} if declared is None else declared.shared
        for name, (type_, default) in shared.items():
            present = self.part_of(graphql_field, node, name, given)
            binds[name] = Bind(type_, lambda v, w, get=present, default=default: default if get is None else get(v))
        conditions: dict[str, Where] = {}

        def value(name: str, backend: Any) -> ColumnElement[Any] | None:
            return backend.bind(binds[name]) if name in binds else None

        for name, one in ({} if declared is None else declared.fields).items():
            get = self.part_of(graphql_field, node, name, given)
            if get is None:
                continue
            binds[name] = self.bind(Bind(one.type, lambda v, w, get=get, one=one: one.convert(get(v))))
            conditions[name] = lambda row, backend, one=one, name=name: one.where(
                row, backend.bind(binds[name]), lambda other: value(other, backend)
            )
        return conditions, value

    def bind(self, bind: Bind) -> Bind:
        """Keeps the bind, to be evaluated with each request even where no selected field uses it."""
        if self.eager:
            bind.get(self.values.coerced, self.viewer)
        self.binds.append(bind)
        return bind

    def value_of(self, graphql_field: Any, node: Any, name: str) -> Callable[[Mapping[str, Any]], Any]:
        get_argument_values(graphql_field, node, self.values)
        return self.argument(graphql_field, node, name)

    def argument(self, graphql_field: Any, node: Any, name: str) -> Callable[[Mapping[str, Any]], Any]:
        """What gives the argument's coerced value from the coerced variables."""
        ast = next((a.value for a in node.arguments or () if a.name.value == name), None)
        if isinstance(ast, VariableNode) and ast.name.value in self.values.coerced:
            return itemgetter(ast.name.value)
        if ast is not None and not isinstance(ast, VariableNode) and holds_variable(ast):
            type_ = graphql_field.args[name].type
            return lambda variables: coerce_input_literal(ast, type_, VariableValues({}, dict(variables)))
        return Fixed(get_argument_values(graphql_field, node, self.values).get(name))

    def part_of(self, graphql_field: Any, node: Any, name: str, given: Any) -> Any:
        """What gives a field of the argument `filter`; None where it is not given."""
        if given is None or read_part(given, name) is None:
            return None
        ast = next((a.value for a in node.arguments or () if a.name.value == "filter"), None)
        if isinstance(ast, VariableNode) and ast.name.value in self.values.coerced:
            variable = ast.name.value
            return lambda variables: read_part(variables[variable], name)
        shown = argument_name(name)
        inner = next((f.value for f in getattr(ast, "fields", ()) if f.name.value == shown), None)
        if isinstance(inner, VariableNode) and inner.name.value in self.values.coerced:
            return itemgetter(inner.name.value)
        if inner is not None and not isinstance(inner, VariableNode) and holds_variable(inner):
            whole = self.argument(graphql_field, node, "filter")
            return lambda variables: read_part(whole(variables), name)
        constant = read_part(given, name)
        return lambda variables: constant


def argument_name(python_name: str) -> str:
    head, *rest = python_name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def read_part(given: Any, name: str) -> Any:
    return given.get(argument_name(name))


def holds_variable(ast: Any) -> bool:
    if isinstance(ast, VariableNode):
        return True
    inner = list(getattr(ast, "values", ())) + [f.value for f in getattr(ast, "fields", ())]
    return any(holds_variable(one) for one in inner)
