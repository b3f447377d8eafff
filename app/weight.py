"""How much a document asks for, found in one pass: a fragment is weighed once, however often it is spread."""

from collections.abc import Mapping
from typing import NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    ListValueNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)


class Weight(NamedTuple):
    """What a selection asks for.

    `fields` are those of its own level, `branches` those of them that have selections in turn, and `widest` the most
    branches of any level. `cost` counts all fields, each as often as the pages around it have entries; `introspection`
    counts those that describe the schema.
    """

    depth: int = 0
    aliases: int = 0
    cost: int = 0
    fields: int = 0
    branches: int = 0
    widest: int = 0
    introspection: int = 0


NOTHING = Weight()
SIZES = frozenset({"first", "last", "ids"})
"""Arguments that say how many entries there will be, or name them."""

INTROSPECTION = frozenset({"__schema", "__type"})
# About how many entries these lists have in a schema of some 550 types: the work of an introspection is in proportion.
INTROSPECTED = {"types": 550, "fields": 4, "directives": 10}


class NestedTooDeeplyError(Exception):
    """Selections and fragments lie deeper in each other than can be followed."""


class Weigher:
    """Weighs selections of one document. `variables` are those found where a page's size is asked for."""

    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], sizes: Mapping[str, int], *, largest: int, nesting: int
    ) -> None:
        """`sizes` are the pages' sizes by variable; one that is not there counts as `largest`, as do larger ones."""
        self.variables: set[str] = set()
        self._fragments = fragments
        self._sizes = sizes
        self._largest = largest
        self._nesting = nesting
        self._known: dict[tuple[str, bool], Weight] = {}

    def weigh(self, selections: SelectionSetNode | None, *, introspects: bool = False, level: int = 0) -> Weight:
        """What the selections ask for together. Raises NestedTooDeeplyError."""
        if selections is None:
            return NOTHING
        if level > self._nesting:
            raise NestedTooDeeplyError
        total = NOTHING
        for node in selections.selections:
            total = _sum(total, self._selected(node, introspects, level + 1))
        return total

    def _selected(self, node: SelectionNode, introspects: bool, level: int) -> Weight:
        if isinstance(node, FieldNode):
            return self._field(node, introspects, level)
        if isinstance(node, FragmentSpreadNode):
            return self._spread(node.name.value, introspects, level)
        return self.weigh(getattr(node, "selection_set", None), introspects=introspects, level=level)

    def _field(self, node: FieldNode, introspects: bool, level: int) -> Weight:
        name = node.name.value
        introspects = introspects or name in INTROSPECTION
        below = self.weigh(node.selection_set, introspects=introspects, level=level)
        aliases = below.aliases + (node.alias is not None)
        if introspects:
            return Weight(1, aliases, 0, 1, 0, 0, 1 + below.introspection * INTROSPECTED.get(name, 1))
        cost = 1 + below.cost * self._entries(node)
        branches = int(node.selection_set is not None)
        return Weight(below.depth + 1, aliases, cost, 1, branches, max(below.widest, branches), below.introspection)

    def _spread(self, name: str, introspects: bool, level: int) -> Weight:
        key = (name, introspects)
        if key not in self._known:
            self._known[key] = NOTHING  # a circle weighs nothing: validation refuses it
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[key] = self.weigh(fragment.selection_set, introspects=introspects, level=level)
        return self._known[key]

    def _entries(self, node: FieldNode) -> int:
        sizes = [self._size(argument.value) for argument in node.arguments or () if argument.name.value in SIZES]
        return max(1, min(max(sizes, default=1), self._largest))

    def _size(self, value: ValueNode) -> int:
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, ListValueNode):
            return len(value.values)
        if isinstance(value, VariableNode):
            name = value.name.value
            self.variables.add(name)
            return self._sizes.get(name, self._largest)
        return self._largest


def _sum(one: Weight, other: Weight) -> Weight:
    """Selections beside each other."""
    branches = one.branches + other.branches
    return Weight(
        max(one.depth, other.depth),
        one.aliases + other.aliases,
        one.cost + other.cost,
        one.fields + other.fields,
        branches,
        max(one.widest, other.widest, branches),
        one.introspection + other.introspection,
    )
