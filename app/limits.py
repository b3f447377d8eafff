"""What a document may ask for: bounds on its size, depth, aliases, root fields and cost.

The bounds hold before validation, whose rules are dearer, and all of it is linear in the document. What was found is
remembered by document and operation: a known operation costs one look-up.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FloatValueNode,
    FragmentDefinitionNode,
    GraphQLError,
    IntValueNode,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    parse,
)

from app.errors import Code, refusal
from app.weight import NestedTooDeeplyError, Weigher, Weight
from privacy.collection import card_number_given, card_number_in
from reads.cache import ByteBounded

Path = tuple[str, ...]

PRICE = "price"
"""The note on an operation of how its cost follows from its variables."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one document, and of one request's cost in fields."""

    tokens: int = 2000
    comments: int = 500
    brackets: int = 40
    nesting: int = 60
    depth: int = 15
    aliases: int = 30
    branches: int = 64
    root_fields: int = 20
    mutations: int = 5
    operations: int = 10
    cost: int = 10_000
    introspection: int = 300_000
    page: int = 100
    digits: int = 40


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Bounds of a request with files. `at_once`: requests that are read at a time; `seconds`: how long one may take."""

    files: int = 4
    file_bytes: int = 10 * 1024 * 1024
    request_bytes: int = 16 * 1024 * 1024
    at_once: int = 12
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Admitted:
    """An operation that may run. `spells_strings`: its document holds string literals, which may say anything."""

    kind: OperationType
    spells_strings: bool
    price: "Price | None"


CARD_NUMBER_MESSAGE = "A payment card's number may not be sent here: pay with a token of the payment provider."


class CardNumberRefused(GraphQLError):
    """P4: the request carries a payment card's number at `where`; in `document`, if it is that which spells it."""

    def __init__(self, where: tuple[str, ...], document: DocumentNode | None = None) -> None:
        extensions = {"code": Code.CARD_NUMBER_REFUSED.value, "field": ".".join(where)}
        super().__init__(CARD_NUMBER_MESSAGE, extensions=extensions)
        self.where = where
        self.document = document


class Bounds:
    """Parses documents and admits operations. One a process: it remembers what it weighed in `memory` bytes."""

    def __init__(self, limits: Limits | None = None, *, memory: int = 8 * 1024 * 1024) -> None:
        self.limits = limits or Limits()
        self._parsed: tuple[str, DocumentNode] | None = None
        self._admitted: ByteBounded[tuple[str, str | None], Admitted] = ByteBounded(memory)

    @property
    def remembered(self) -> int:
        """How many operations are remembered."""
        return len(self._admitted)

    def parse(self, text: str) -> DocumentNode:
        """The document, if it is within the limits. Raises GraphQLError, with a code unless it is a syntax error.

        The last document is kept, so that the engine may parse through here what has just been admitted.
        """
        if self._parsed is not None and self._parsed[0] is text:
            return self._parsed[1]
        if nested_deeper(text, self.limits.brackets):
            raise too_complex("The document is nested too deeply.")
        document = parse(text, max_lexical_tokens=self.limits.tokens, max_comments=self.limits.comments)
        _check_shape(document, self.limits)
        _check_literals(text, document, self.limits.digits)
        self._parsed = (text, document)
        return document

    def admit(self, text: str, operation_name: str | None, variables: Mapping[str, Any]) -> Admitted:
        """The operation asked for, if it may run with these variables. Raises GraphQLError as `parse` does."""
        key = (text, operation_name)
        admitted = self._admitted.get(key)
        if admitted is None:
            document = self.parse(text)
            admitted = _admitted(document, operation_name, self.limits)
            # A document's nodes, which a price keeps, take about forty times its text.
            self._admitted.put(key, admitted, 500 + len(text) * (4 if admitted.price is None else 44))
        self.check_cost(admitted, variables)
        return admitted

    def check_cost(self, admitted: Admitted, variables: Mapping[str, Any]) -> None:
        """Raises GraphQLError where an operation that was admitted costs too much with these variables."""
        if admitted.price is not None and admitted.price.of(variables) > self.limits.cost:
            raise too_complex("The operation costs too much: ask for smaller pages or for fewer fields.")

    def cost_of(self, operation: Any, variables: Mapping[str, Any]) -> int:
        """What an operation that was admitted costs with these variables, in fields. Its notes keep how to tell."""
        price = operation.notes.get(PRICE)
        if price is None:
            price = operation.notes[PRICE] = Price(operation.node, _fragments(operation.document), self.limits)
        return price.of(variables)


class Price:
    """The cost of an operation that could be too dear, by the sizes of its pages that variables give."""

    def __init__(
        self, operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode], limits: Limits
    ) -> None:
        self._operation = operation
        self._fragments = fragments
        self._limits = limits
        weigher = self._weigher({})
        weigher.weigh(operation.selection_set)
        self._defaults = {name: self._default(name) for name in weigher.variables}
        self._known: dict[tuple[int, ...], int] = {}

    def of(self, variables: Mapping[str, Any]) -> int:
        """The cost with these variables."""
        sizes = tuple(
            self._size(variables[name]) if name in variables else default for name, default in self._defaults.items()
        )
        cost = self._known.get(sizes)
        if cost is None:
            weigher = self._weigher(dict(zip(self._defaults, sizes, strict=True)))
            cost = weigher.weigh(self._operation.selection_set).cost
            if len(self._known) < 100:
                self._known[sizes] = cost
        return cost

    def _weigher(self, sizes: Mapping[str, int]) -> Weigher:
        return Weigher(self._fragments, sizes, largest=self._limits.page, nesting=self._limits.nesting)

    def _size(self, value: Any) -> int:
        """A page's size; what is none, validation or the list itself refuses."""
        if value is None:
            return 1
        if isinstance(value, list):
            value = len(value)
        return min(value, self._limits.page) if isinstance(value, int) else self._limits.page

    def _default(self, name: str) -> int:
        for definition in self._operation.variable_definitions or ():
            if definition.variable.name.value == name:
                default = definition.default_value
                return self._size(int(default.value) if isinstance(default, IntValueNode) else default)
        return self._limits.page


def too_complex(message: str) -> GraphQLError:
    return refusal(Code.QUERY_TOO_COMPLEX, message)


_BRACKETS = re.compile(r'"""(?:\\"""|(?!""")[\s\S])*+|"(?:[^"\\\n\r]|\\.)*+"?|#[^\n\r]*+|[\[\](){}]')


def nested_deeper(text: str, limit: int) -> bool:
    """Whether brackets outside strings and comments lie deeper in each other. Linear, and stops at the first."""
    depth = 0
    for mark in _BRACKETS.finditer(text):
        if mark[0] in "[({":
            depth += 1
            if depth > limit:
                return True
        elif mark[0] in "])}":
            depth -= 1
    return False


def _admitted(document: DocumentNode, operation_name: str | None, limits: Limits) -> Admitted:
    operation = _operation_named(document, operation_name)
    fragments = _fragments(document)
    dearest = _weigh(operation, fragments, limits).cost
    price = Price(operation, fragments, limits) if dearest > limits.cost else None
    return Admitted(
        operation.operation, any(isinstance(literal, StringValueNode) for literal, _ in _literals(document)), price
    )


def _operation_named(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = _operations(document)
    named = [one for one in operations if name is None or (one.name and one.name.value == name)]
    if name is not None and not named:
        raise refusal(Code.OPERATION_RESOLUTION_FAILURE, "The document has no operation of that name.")
    if not named:
        raise refusal(Code.OPERATION_RESOLUTION_FAILURE, "The document has no operation.")
    if name is None and len(named) > 1:
        raise refusal(Code.OPERATION_RESOLUTION_FAILURE, "Name the operation to run: the document has several.")
    return named[0]


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def _weigh(
    definition: OperationDefinitionNode | FragmentDefinitionNode,
    fragments: dict[str, FragmentDefinitionNode],
    limits: Limits,
) -> Weight:
    return Weigher(fragments, {}, largest=limits.page, nesting=limits.nesting).weigh(definition.selection_set)


def _check_shape(document: DocumentNode, limits: Limits) -> None:
    operations, fragments = _operations(document), _fragments(document)
    if len(operations) > limits.operations:
        raise too_complex(f"A document may have {limits.operations} operations.")
    weigher = Weigher(fragments, {}, largest=limits.page, nesting=limits.nesting)
    try:
        for fragment in fragments.values():
            of_schema = fragment.type_condition.name.value.startswith("__")
            _check_weight(weigher.weigh(fragment.selection_set, introspects=of_schema), limits)
        for operation in operations:
            weight = weigher.weigh(operation.selection_set)
            _check_weight(weight, limits)
            _check_root_fields(operation.operation, weight.fields, limits)
    except NestedTooDeeplyError:
        raise too_complex("The document is nested too deeply.") from None


def _check_weight(weight: Weight, limits: Limits) -> None:
    if weight.depth > limits.depth:
        raise too_complex(f"Fields may lie {limits.depth} deep in each other.")
    if weight.aliases > limits.aliases:
        raise too_complex(f"An operation may have {limits.aliases} aliases.")
    if weight.widest > limits.branches:  # that many of one name would take validation most of a second
        raise too_complex(f"A selection may have {limits.branches} fields with selections of their own.")
    if weight.introspection > limits.introspection:
        raise too_complex("The operation asks for too much of the schema at once.")


def _check_root_fields(kind: OperationType, fields: int, limits: Limits) -> None:
    most = limits.mutations if kind is OperationType.MUTATION else limits.root_fields
    if fields > most:
        raise too_complex(f"A {kind.value} may have {most} root fields.")


def _check_literals(text: str, document: DocumentNode, digits: int) -> None:
    literals = [*_literals(document)]
    for node, path in literals:
        if isinstance(node, StringValueNode):
            if "\0" in node.value:
                raise refusal(Code.BAD_USER_INPUT, "A string may not hold NUL.")
        elif len(node.value) > digits:
            raise refusal(Code.BAD_USER_INPUT, "A number in the document is too long.")
        if card_number_given(path[-1] if path else "", node.value):
            raise CardNumberRefused(("query", *path), document)
    if card_number_in(text) and card_number_in(_without(text, [node for node, _ in literals])):  # in a comment
        raise CardNumberRefused(("query",), document)


def _without(text: str, literals: Sequence[Node]) -> str:
    """The document's text with nothing where its values stand."""
    places = sorted((node.loc.start, node.loc.end) for node in literals if node.loc is not None)
    ends = [0, *(end for _, end in places)]
    begins = [*(start for start, _ in places), len(text)]
    return '""'.join(text[end:start] for end, start in zip(ends, begins, strict=True))


def _literals(document: DocumentNode) -> Iterator[tuple[StringValueNode | IntValueNode | FloatValueNode, Path]]:
    """Strings and numbers, each with the names of the argument and the input fields that it is the value of."""
    waiting: list[tuple[Node, Path]] = [(document, ())]
    while waiting:
        node, path = waiting.pop()
        if isinstance(node, StringValueNode | IntValueNode | FloatValueNode):
            yield node, path
        elif isinstance(node, ArgumentNode | ObjectFieldNode):
            waiting.append((node.value, (*path, node.name.value)))
        else:
            for key in node.keys:
                found = getattr(node, key, None)
                inner = found if isinstance(found, list | tuple) else (found,)
                waiting.extend((one, path) for one in inner if isinstance(one, Node))
