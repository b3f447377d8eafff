"""Operations drawn at random from the schema: valid documents, whose variables and arguments may be wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from reads.declare import field_readers, field_reads
from reads.entities import strawberry_field
from tests.support.operation_values import (
    ABSENT,
    DAYS,
    DECIMALS,
    JUNK,
    MOMENTS,
    ODD_DAYS,
    ODD_DECIMALS,
    ODD_MOMENTS,
    ODD_SIZES,
    USUAL_SIZES,
    Word,
    literal,
)
from tests.support.planting import AWKWARD

WIDE = 4
"""Objects below one, beyond which it has much below it."""

LARGEST = 24
"""Fields of one operation, roughly."""

PAGING = frozenset({"first", "after", "last", "before", "filter", "sort"})
PREFIXES = {"Product": "prd", "Order": "ord", "Customer": "cus", "Partner": "prt", "Staff": "stf"}


@dataclass(frozen=True)
class Generated:
    """A document with several sets of variables; `computed` where it asks for something that no statement reads."""

    text: str
    variables: list[dict[str, Any]]
    computed: bool


@dataclass
class Samples:
    """Values that mean something: ids by prefix, slugs, sizes, words to search for, cursors by connection and sort."""

    ids: Mapping[str, list[str]]
    texts: Mapping[str, list[str]]
    cursors: dict[tuple[str, str], list[str]] = field(default_factory=dict)


@dataclass
class Variable:
    """`make` draws a value; a nullable variable is at times null or not sent."""

    name: str
    type: str
    default: Any
    nullable: bool
    make: Callable[[], Any]


class Generator:
    """Draws one operation. The random source decides everything, so that a seed repeats it."""

    def __init__(
        self, schema: GraphQLSchema, samples: Samples, random: Random, may: Callable[[Any], bool], depth: int = 5
    ) -> None:
        """`may` tells whether the caller may read what is declared; little else is asked for."""
        self.schema, self.samples, self.random, self.may, self.depth = schema, samples, random, may, depth
        self.variables: list[Variable] = []
        self.fragments: dict[str, tuple[str, str]] = {}
        self.left, self.aliases, self.computed, self.written = LARGEST, 0, False, False

    def operation(self) -> Generated:
        query = self.schema.query_type
        assert query is not None
        body = self.roots(query)
        heads = [f"${v.name}: {v.type}{self.default(v)}" for v in self.variables]
        head = f"query Q({', '.join(heads)})" if heads else self.random.choice(("", "query", "query Q"))
        text = " ".join([f"{head} {{ {body} }}", *(fragment for _, fragment in self.fragments.values())])
        return Generated(text, self.sets(), self.computed)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    # -- selections

    def roots(self, query: GraphQLObjectType) -> str:
        computed = {name for name in query.fields if field_reads(strawberry_field(query, name)) is None}
        weights = [0.06 if name in computed else self.weight(query, name) for name in query.fields]
        chosen = self.random.choices(list(query.fields), weights, k=self.random.choice((1, 1, 1, 2, 3)))
        self.computed = not computed.isdisjoint(chosen)
        fields = [self.field(query, name, self.random.randint(2, self.depth)) for name in chosen]
        if self.chance(0.1):
            fields.append(f"{self.alias()}__typename{self.directive()}")
        return " ".join(fields)

    def selection(self, type_: Any, depth: int, *, apart: bool = False) -> str:
        """`apart`: beside other types' selections, whose fields of the same name may be of other types."""
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            return self.abstract(type_, depth)
        composite = [name for name in type_.fields if not is_leaf_type(get_named_type(type_.fields[name].type))]
        names = [name for name in type_.fields if name not in composite or (depth > 0 and self.left > 0)]
        names = [name for name in names if self.chance(self.wish(type_, name))]
        if not names:
            return "__typename"
        wanted = self.random.sample(names, min(len(names), self.random.randint(1, 5)))
        if deeper := [name for name in composite if name in names and self.chance(0.3)]:
            wanted.append(self.random.choice(deeper))
        found = [self.field(type_, name, depth - 1, apart=apart) for name in dict.fromkeys(wanted)]
        if self.chance(0.12):
            found.append(f"{self.alias()}__typename{self.directive()}")
        if self.chance(0.12):
            found.append(self.inline(type_, depth, apart=apart))
        if self.chance(0.1) and not apart:
            found.append(f"...{self.fragment(type_)}{self.directive()}")
        self.random.shuffle(found)
        return " ".join(found)

    def weight(self, query: GraphQLObjectType, name: str) -> float:
        """What has filters and orders, or much below it, has the most to go wrong, and what few may read is
        worth asking for.
        """
        public = any(reader.kind is None for reader in field_readers(strawberry_field(query, name)))
        below = getattr(get_named_type(query.fields[name].type), "fields", {}).values()
        wide = sum(not is_leaf_type(get_named_type(field.type)) for field in below) > WIDE
        return self.wish(query, name) * (
            4 if "sort" in query.fields[name].args or (public and wide) else 1 if public else 5
        )

    def wish(self, type_: GraphQLObjectType, name: str) -> float:
        return 1.0 if self.may(strawberry_field(type_, name)) else 0.06

    def inline(self, type_: GraphQLObjectType, depth: int, *, apart: bool) -> str:
        """A fragment on the type itself, on one of its interfaces, or on none."""
        on = self.random.choice([f" on {type_.name}", "", *(f" on {one.name}" for one in type_.interfaces)])
        if on.endswith(type_.name) or not on:
            return f"...{on}{self.directive()} {{ {self.selection(type_, min(depth, 1) - 1, apart=apart)} }}"
        return f"...{on}{self.directive()} {{ {self.alias()}id }}"

    def abstract(self, type_: GraphQLInterfaceType | GraphQLUnionType, depth: int) -> str:
        possible = self.schema.get_possible_types(type_)
        found = ["id"] if isinstance(type_, GraphQLInterfaceType) else []
        found += ["__typename"] if self.chance(0.5) or not found else []
        for one in self.random.sample(possible, self.random.randint(0, min(4, len(possible)))):
            if self.chance(0.2):
                found.append(f"...{self.fragment(one)}{self.directive()}")
            else:
                below = self.selection(one, max(depth - 1, 0), apart=True)
                found.append(f"... on {one.name}{self.directive()} {{ {below} }}")
        self.random.shuffle(found)
        return " ".join(found)

    def fragment(self, type_: GraphQLObjectType) -> str:
        """The name of a fragment on the type, of an earlier one at times."""
        known = [name for name, (on, _) in self.fragments.items() if on == type_.name]
        if known and self.chance(0.5):
            return self.random.choice(known)
        body = self.selection(type_, 1, apart=True)
        name = f"F{len(self.fragments)}"
        self.fragments[name] = (type_.name, f"fragment {name} on {type_.name} {{ {body} }}")
        return name

    def field(self, parent: GraphQLObjectType, name: str, depth: int, *, apart: bool = False) -> str:
        self.left -= 1
        declared = parent.fields[name]
        given = self.arguments(declared)
        alias = self.alias() if given or apart or self.chance(0.12) else ""
        head = f"{alias}{name}{given}{self.directive()}"
        named = get_named_type(declared.type)
        if is_leaf_type(named):
            return head
        times = 2 if self.chance(0.05) and not apart else 1  # twice under one key: the selections merge
        return " ".join(f"{head} {{ {self.selection(named, depth)} }}" for _ in range(times))

    def alias(self) -> str:
        self.aliases += 1
        return f"a{self.aliases}: "

    def directive(self) -> str:
        if not self.chance(0.06):
            return ""
        name, kept = self.random.choice((("skip", False), ("include", True)))
        make = lambda: kept if self.chance(0.7) else not kept  # noqa: E731
        return f" @{name}(if: {self.given('if', 'Boolean!', make)})"

    # -- arguments

    def arguments(self, declared: GraphQLField) -> str:
        """The field's arguments in brackets, or nothing."""
        made = self.page(declared) if "first" in declared.args else self.plain(declared)
        for name, argument in declared.args.items():
            if name not in made and isinstance(argument.type, GraphQLNonNull):
                made[name] = self.given(name, str(argument.type), lambda name=name: self.value(name, declared))
        pairs = [f"{name}: {text}" for name, text in made.items()]
        self.random.shuffle(pairs)
        return f"({', '.join(pairs)})" if pairs else ""

    def plain(self, declared: GraphQLField) -> dict[str, str]:
        names = [name for name, one in declared.args.items() if not isinstance(one.type, GraphQLNonNull)]
        if names == ["id", "slug"]:
            names = [self.random.choice(names)] if self.chance(0.9) else self.random.choice((names, []))
        elif not self.chance(0.6):
            names = []
        return {
            name: self.given(name, str(declared.args[name].type), lambda name=name: self.value(name, declared))
            for name in names
        }

    def page(self, declared: GraphQLField) -> dict[str, str]:
        """Mostly a page forward or backward, from a cursor of the same order, filtered."""
        size, edge = self.random.choice((("first", "after"), ("last", "before")))
        made: dict[str, str] = {}
        sort = ""
        if "sort" in declared.args:
            sorts: Any = get_named_type(declared.args["sort"].type)
            words = list(sorts.values)
            default = declared.args["sort"].default_value
            sort = self.random.choice(words)
            if self.chance(0.35):
                sort = str(getattr(default, "value", default)) if default is not Undefined else sort
            else:
                kind, always = str(declared.args["sort"].type), self.chance(0.5)
                made["sort"] = self.given("sort", kind, lambda: Word(sort), always=always)
        made[size] = self.given(size, "Int", self.size)
        if self.chance(0.4):
            made[edge] = self.given(edge, "String", lambda: self.cursor(get_named_type(declared.type).name, sort))
        if "filter" in declared.args and self.chance(0.5):
            made["filter"] = self.filter(declared)
        for name, argument in declared.args.items():
            if name not in PAGING and self.chance(0.3):
                made[name] = self.given(name, str(argument.type), lambda name=name: self.value(name, declared))
        if self.chance(0.04):
            wrong = self.random.choice(("first", "last", "after", "before"))
            made.setdefault(wrong, self.random.choice(("null", "3" if wrong in {"first", "last"} else '"x"')))
        return made

    def size(self) -> int:
        odd = [size for size in ODD_SIZES if size < 2**31 or not self.written]
        return self.random.choice(odd if self.chance(0.05) else USUAL_SIZES)

    def cursor(self, connection: str, sort: str) -> str:
        own = self.samples.cursors.get((connection, sort), [])
        if own and self.chance(0.88):
            return self.random.choice(own)
        others = [cursor for cursors in self.samples.cursors.values() for cursor in cursors]
        return self.random.choice((*JUNK, *self.random.sample(others, min(20, len(others)))))

    def filter(self, declared: GraphQLField) -> str:
        """An input object: a variable, or a literal in which variables may lie."""
        argument = declared.args["filter"]
        named: Any = get_named_type(argument.type)
        make = lambda: self.input_object(named)  # noqa: E731
        if self.chance(0.4):
            return self.given("filter", str(argument.type), make, always=True)
        value = {
            name: Word(self.given(name, str(named.fields[name].type), lambda name=name: self.leaf(named, name)))
            for name in self.random.sample(list(named.fields), self.random.randint(0, 3))
        }
        return literal(value)

    def input_object(self, type_: GraphQLInputObjectType) -> dict[str, Any]:
        needed = [name for name, one in type_.fields.items() if isinstance(one.type, GraphQLNonNull)]
        others = [name for name in type_.fields if name not in needed]
        made: dict[str, Any] = {name: self.leaf(type_, name) for name in needed}
        for name in self.random.sample(others, self.random.randint(0, min(3, len(others)))):
            made[name] = None if self.chance(0.1) else self.leaf(type_, name)
        return made

    def leaf(self, type_: GraphQLInputObjectType, name: str) -> Any:
        inner, named = get_nullable_type(type_.fields[name].type), get_named_type(type_.fields[name].type)
        if isinstance(inner, GraphQLList):
            return [self.of_type(name, named) for _ in range(self.random.choice((0, 1, 1, 3)))]
        return self.of_type(name, named)

    def value(self, name: str, declared: GraphQLField) -> Any:
        type_ = declared.args[name].type
        if isinstance(get_nullable_type(type_), GraphQLList):
            return [self.of_type(name, get_named_type(type_)) for _ in range(self.random.choice((0, 1, 3, 8)))]
        return self.of_type(name, get_named_type(type_), get_named_type(declared.type))

    def of_type(self, name: str, type_: Any, of: GraphQLNamedType | None = None) -> Any:
        if isinstance(type_, GraphQLInputObjectType):
            return self.input_object(type_)
        if isinstance(type_, GraphQLEnumType):
            return Word(self.random.choice(list(type_.values)))
        match type_.name:
            case "ID":
                return self.id(name, of)
            case "Boolean":
                return self.chance(0.5)
            case "Decimal":
                return self.random.choice(ODD_DECIMALS if self.chance(0.05) and not self.written else DECIMALS)
            case "DateTime":
                return self.random.choice(ODD_MOMENTS if self.chance(0.05) and not self.written else MOMENTS)
            case "Date":
                return self.random.choice(ODD_DAYS if self.chance(0.05) and not self.written else DAYS)
            case "Int":
                return self.size()
        known = self.samples.texts.get(name, [])
        if known and self.chance(0.85):
            return self.random.choice(known)
        return self.random.choice(("no-such", *AWKWARD))

    def id(self, name: str, of: GraphQLNamedType | None) -> str:
        """An id, mostly of the type that the argument `id` or `customerId` asks for."""
        if self.chance(0.06):
            return self.random.choice(("", "x", "prd_", "prd_" + "0" * 32, "ord_" + "g" * 32, "PRD_" + "0" * 32))
        asked = name.removesuffix("Id").title() if name.endswith("Id") else of.name if of is not None else ""
        prefix = PREFIXES.get(asked, "")
        if prefix not in self.samples.ids or self.chance(0.08):
            prefix = self.random.choice(list(self.samples.ids))
        return self.random.choice(self.samples.ids[prefix])

    # -- variables

    def given(self, name: str, type_: str, make: Callable[[], Any], *, always: bool = False) -> str:
        """A literal, or a variable, which may be one that another place has too."""
        if not always and self.chance(0.5):
            value = None if not type_.endswith("!") and self.chance(0.04) else self.spelled(make)
            if isinstance(value, list) and value and self.chance(0.3):
                first, inner = value[0], type_.removesuffix("!")[1:-1]
                value[0] = Word(self.given(name, inner, lambda: next(iter(make()), first), always=True))
            return literal(value)
        shared = [one.name for one in self.variables if one.name.startswith(f"{name}_") and one.type == type_]
        if shared and self.chance(0.15):
            return f"${self.random.choice(shared)}"
        required = type_.endswith("!")
        bare = type_.removesuffix("!")
        default = self.spelled(make) if self.chance(0.2) else ABSENT
        strict = default is ABSENT and (required or self.chance(0.25))
        variable = Variable(f"{name}_{len(self.variables)}", bare + "!" * strict, default, not strict, make)
        self.variables.append(variable)
        return f"${variable.name}"

    def spelled(self, make: Callable[[], Any]) -> Any:
        """A value that stands in the document, which is not valid where the value is not one of its type."""
        self.written = True
        value = make()
        self.written = False
        return value

    def default(self, variable: Variable) -> str:
        return "" if variable.default is ABSENT else f" = {literal(variable.default)}"

    def sets(self) -> list[dict[str, Any]]:
        """Variables for several runs of the operation, each a little different from the one before."""
        if not self.variables:
            return [{}]
        found = [{variable.name: self.sent(variable, 0.2) for variable in self.variables}]
        for _ in range(self.random.choice((0, 1))):
            changed = [one for one in self.variables if self.chance(0.6)] or self.variables[:1]
            found.append(found[-1] | {one.name: self.sent_next(one, found[-1][one.name]) for one in changed})
        sent = [{name: value for name, value in one.items() if value is not ABSENT} for one in found]
        return orjson.loads(orjson.dumps(sent))

    def sent_next(self, variable: Variable, before: Any) -> Any:
        """Null after what was not sent, and the other way round, is what plans are easily confused by."""
        if before is ABSENT:
            return None
        return ABSENT if before is None else self.sent(variable, 0.25)

    def sent(self, variable: Variable, odd: float) -> Any:
        if variable.nullable and self.chance(odd):
            return self.random.choice((None, ABSENT))
        return variable.make()
