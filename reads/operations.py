"""A document from outside becomes an operation that can be planned: parsed, validated, kept."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_named_type,
    validate,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from reads.coercion import LEFT_AS_THEY_ARE, Coerce, Unsure, coercer
from reads.together import Standing

EXACT = {"Int": int, **LEFT_AS_THEY_ARE}
MOST_ERRORS = 20


Parse = Callable[[str], DocumentNode]
"""Gives the document of a text, or raises GraphQLError."""


class RequestErrors(Exception):
    """A request that cannot be executed: mistakes in the document, its operation's name or its variables."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(f"{len(errors)} request errors")
        self.errors = errors


@dataclass(frozen=True)
class Variable:
    """`exact` is the Python type that needs no coercion, or None; `directive`: @skip or @include depends on it;
    `below`: it is used below the root fields.

    `coerce` raises Unsure where graphql-core has to look at the value.
    """

    name: str
    type: Any
    exact: Any
    required: bool
    directive: bool
    below: bool
    signature: GraphQLVariableSignature
    coerce: Coerce


@dataclass
class Operation:
    """`notes` belong to those who weigh operations; `standing` answers it for everyone, whatever its variables are."""

    text: str
    document: DocumentNode
    node: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: list[Variable]
    notes: dict[Any, Any] = field(default_factory=dict)
    standing: Standing | None = None

    def __post_init__(self) -> None:
        self.is_query = self.kind is OperationType.QUERY
        self.fragment_definitions = {name: one.definition for name, one in self.fragments.items()}
        self.key = (self.text, self.node.name.value if self.node.name else None)
        self._shaping = [one for one in self.variables if one.directive or not one.required or one.exact is None]
        self._shaping_below = [one for one in self._shaping if one.directive or one.below]
        self._directing = [one for one in self.variables if one.directive]

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def has_one_shape(self) -> bool:
        """Whether its plan is the same whatever its variables are."""
        return not self._shaping

    @property
    def weight(self) -> int:
        """Bytes that keeping the operation costs: the tree is about forty times its text."""
        return 4000 + 40 * len(self.text)

    def coerce(self, schema: GraphQLSchema, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The coerced variables, and maybe others, or None where something is wrong with them."""
        if self.are_exact(given):
            return given
        found = self.coerce_all(schema, given)
        return None if isinstance(found, list) else found.coerced

    def are_exact(self, given: Mapping[str, Any]) -> bool:
        """Whether each variable was sent as what it is to be, so that nothing has to be coerced."""
        for variable in self.variables:
            value: Any = given.get(variable.name)
            exact = variable.exact
            if type(value) is not exact or (exact is int and not fits(value)):
                return False
        return True

    def coerce_all(self, schema: GraphQLSchema, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The coerced variables as graphql-core has them, or what is wrong with them."""
        with suppress(Unsure):
            return self.coerced(given)
        return get_variable_values(
            schema, self.node.variable_definitions or (), dict(given), max_errors=MOST_ERRORS, hide_suggestions=True
        )

    def coerced(self, given: Mapping[str, Any]) -> VariableValues:
        """The same where all is right, and every variable is sent that has a default. Raises Unsure."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self.variables:
            name, signature = variable.name, variable.signature
            if name in given:
                sources[name] = VariableValueSource(signature, given[name])
                coerced[name] = variable.coerce(given[name])
            elif variable.required or signature.default is not None:
                raise Unsure
            else:
                sources[name] = VariableValueSource(signature)
        return VariableValues(sources, coerced)

    def shape(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """What of the variables decides about the plan: null is not the same as not sent, which takes a default."""
        return shape_of(self._shaping, values)

    def shape_below(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The same about a plan for what lies below a root field."""
        return shape_of(self._shaping_below, values)

    def directed(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """What of them decides about which fields are selected."""
        return shape_of(self._directing, values)


def fits(value: int) -> bool:
    return -(2**31) <= value < 2**31


def shape_of(variables: Sequence[Variable], values: Mapping[str, Any]) -> tuple[Any, ...]:
    if not variables:
        return ()  # as of most operations: a generator would take longer to make
    return tuple(part_of_shape(one.type, values.get(one.name, ...), one.directive) for one in variables)


def part_of_shape(type_: Any, value: Any, directive: bool = False) -> Any:
    if value is None or value is ...:
        return value
    named = get_named_type(type_)
    if directive or isinstance(named, GraphQLEnumType):
        return str(value)
    if isinstance(named, GraphQLInputObjectType) and isinstance(value, dict):
        return tuple(
            (name, part_of_shape(named.fields[name].type, inner)) for name, inner in value.items() if inner is not None
        )
    return True


def prepare(schema: GraphQLSchema, text: str, operation_name: str | None, parse: Parse) -> Operation:
    """Parses and validates. Raises RequestErrors."""
    try:
        document = parse(text)
    except GraphQLError as error:
        code = (error.extensions or {}).get("code", "GRAPHQL_PARSE_FAILED")
        raise RequestErrors([coded(error, code)]) from None
    node = chosen(document, operation_name)
    errors = validate(schema, document, max_errors=MOST_ERRORS, hide_suggestions=True)
    if errors:
        raise RequestErrors([coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
    fragments = {
        one.name.value: FragmentDetails(one) for one in document.definitions if isinstance(one, FragmentDefinitionNode)
    }
    return Operation(text, document, node, fragments, variables(schema, document, node))


def chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is None and len(operations) == 1:
        return operations[0]
    for one in operations:
        if name is not None and one.name is not None and one.name.value == name:
            return one
    message = "Name the operation to run." if name is None else "The document has no operation of this name."
    raise RequestErrors([GraphQLError(message, extensions={"code": "OPERATION_RESOLUTION_FAILURE"})])


def variables(schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode) -> list[Variable]:
    in_directives: set[str] = set()

    class Find(Visitor):
        def enter_directive(self, directive: DirectiveNode, *_: Any) -> None:
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    in_directives.add(argument.value.name.value)

    visit(document, Find())
    below, found = used_below(document, node), []
    for definition in node.variable_definitions or ():
        signature = get_variable_signature(schema, definition)
        assert isinstance(signature, GraphQLVariableSignature)
        name, type_ = signature.name, signature.type
        required = isinstance(type_, GraphQLNonNull)
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        exact, directive = EXACT.get(str(inner)), name in in_directives
        found.append(Variable(name, type_, exact, required, directive, name in below, signature, coercer(type_)))
    return found


def used_below(document: DocumentNode, node: OperationDefinitionNode) -> set[str]:
    """Names of the variables that stand elsewhere than in arguments of the operation's root fields."""
    found: set[str] = set()

    class Find(Visitor):
        def enter_variable(self, variable: VariableNode, *_: Any) -> None:
            found.add(variable.name.value)

    for definition in document.definitions:
        if definition is not node:
            visit(definition, Find())
    for selection in node.selection_set.selections:
        below = selection.selection_set if isinstance(selection, FieldNode) else selection
        if below is not None:
            visit(below, Find())
    return found


def coded(error: GraphQLError, code: str) -> GraphQLError:
    """The error with extensions.code."""
    return GraphQLError(
        error.message, error.nodes, error.source, error.positions, error.path, extensions={"code": code}
    )
