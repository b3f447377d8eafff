"""What the parts of a plan have in common: the operation's values, and what this caller may see and read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.execution.values import VariableValues
from sqlalchemy import ColumnElement, Table

from reads import declare
from reads.arguments import Arguments, CannotCompile
from reads.declare import Entity, field_readers
from reads.entities import strawberry_field
from reads.guards import Field, Guard
from reads.nodes import Choice, Connection, Leaf, Node, Object, Recorded, Rows, Viewer, Where
from reads.permissions import Permissions
from reads.traces import PROBE, subject_of

Selected = dict[str, list[FieldDetails]]
"""The fields selected of a type, by response key."""


@dataclass
class Planning:
    """`values` are the coerced variables, `facts` what the process knows; `public` and `relied` end up in the plan.

    `tagged`: objects of abstract types carry their type's name, which graphql-core will ask for. `in_payload`: a
    payload's entity is planned for, whose JSON Python has in its hands; `sharing`: Python knows too which of its fields
    are made of the same values, which are read for the first of them alone.
    """

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    values: VariableValues
    access: Any
    permissions: Permissions
    tolerant: bool = False
    viewer: Viewer = None
    facts: Any = None
    public: bool = True
    relied: bool = False
    tagged: bool = False
    in_payload: bool = False
    sharing: bool = False
    given: Arguments = field(init=False)
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self.given = Arguments(self.values, self.tolerant, self.viewer)
        self.guard = Guard(self.permissions, self.access, self.tolerant)

    def object(
        self,
        type_: GraphQLObjectType,
        details: list[FieldDetails],
        table: Table | None,
        fields: Any = None,
        told: Iterable[Any] = (),
    ) -> Object:
        """The selection on a row of the table; `fields` are a value type's own, else the type's declarations hold.

        `told` is what of the row's person is told by its being found.
        """
        raise NotImplementedError

    def selected(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Selected:
        """The fields selected of a type, by response key."""
        found = collect_subfields(self.schema, self.fragments, self.values, self.operation, type_, details)
        if found.new_defer_usages:
            raise CannotCompile("@defer")
        return found.grouped_field_set

    def alike(self, type_: GraphQLObjectType, selected: Selected) -> list[list[str]]:
        """The response keys of the computed fields, those together that are made of the same values."""
        found: dict[Any, list[str]] = {}
        for key, fields in selected.items():
            name = fields[0].node.name.value
            if name == "__typename":
                continue
            declared = strawberry_field(type_, name)
            reads = declare.field_reads(declared)
            if isinstance(reads, declare.Computed):
                found.setdefault((frozenset(reads.needs.items()), field_readers(declared)), []).append(key)
        return list(found.values())

    # -- what the caller may see

    def allowed(self, parent: GraphQLObjectType, name: str) -> Any:
        """The field's declaration, where it is no introspection and the caller may read it."""
        if name not in parent.fields:
            raise CannotCompile(name)
        declared = strawberry_field(parent, name)
        readers = field_readers(declared)
        self.guard.admit(Field(parent.name, name, readers))
        self.rely_on(readers)
        return declared

    def rely_on(self, readers: Any) -> None:
        """Something is shown that these may read, of whom the caller is one."""
        if not self.permissions.is_public(readers):
            self.public, self.relied = False, True

    def visible(self, entity: Entity) -> list[Where] | None:
        """The conditions under which the caller may see the entity's rows; None: not at all."""
        for rule in entity.visible:
            restricted = not self.permissions.is_public(rule.readers)
            if restricted:
                self.public = False
            if self.permissions.denial(rule.readers, self.access) is None:
                self.relied = self.relied or restricted
                if rule.where is None:
                    return []
                return [lambda row, backend, where=rule.where: where(backend.viewer, row)]
        self.hide()
        return None

    def hide(self) -> None:
        """Something is absent for this caller: who claims an access that is out of date may see it by now."""
        self.public = False
        self.relied = self.relied or self.permissions.is_claimed(self.access)

    # -- what is told of persons

    def told(self, field: Field, conditions: Iterable[Where], table: Table) -> frozenset[Any]:
        """What of persons is told by which rows of the table these conditions find, to a caller who may know it."""
        return self.guard.personal(field, (condition(table.c, PROBE) for condition in conditions))

    def told_by_relation(
        self, field: Field, reads: declare.Related | declare.Page, parent: Table | None, table: Table
    ) -> frozenset[Any]:
        """The same of the rows that lie beside a parent's, and of a list's order."""

        def looked_at() -> Iterator[ColumnElement[Any]]:
            if reads.on is not None and parent is not None:
                yield reads.on(parent.c, table.c)
            if isinstance(reads, declare.Related) and reads.order is not None:
                yield from reads.order(table.c)

        return self.guard.personal(field, looked_at())

    def told_by_argument(self, field: Field, name: str, readers: Any, condition: Where, table: Table) -> frozenset[Any]:
        """The same of an argument's condition: who may not read what it looks at may not ask for it either."""
        asked = Field(field.type_name, f"{field.name}({name})", readers or field.readers)
        self.guard.admit(asked)
        return self.told(asked, [condition], table)

    def recorded(self, parts: list[tuple[str, Node]], table: Table | None, told: Iterable[Any] = ()) -> Recorded | None:
        """What is recorded for the row's person: the categories of all that the answer tells of them."""
        if table is None:
            return None
        personal = frozenset(told).union(*(personal_of(part) for _, part in parts))
        if not personal:
            return None
        return Recorded(subject_of(table), tuple(sorted({one.category for one in personal})))


def personal_of(part: Node) -> frozenset[Any]:
    """What of a person a part of a row tells, in embedded objects too; of a relation, that its rows lie beside it."""
    if isinstance(part, Leaf | Rows | Choice | Connection):
        return part.personal
    if isinstance(part, Object):
        return frozenset().union(*(personal_of(inner) for _, inner in part.parts))
    return frozenset()
