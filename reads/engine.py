"""The two ways of executing one schema.

`read` answers a query with one statement, or says that the other way must: it only ever gives answers without errors.
`read_standing` is its shortest form, for what everyone asks: public documents that it has read before.
`execute` is graphql-core over the same declarations, for introspection and what would carry an error, and for
mutations, which go past it for as long as nothing goes wrong.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import isawaitable
from typing import Any, TypeVar

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    default_field_resolver,
    default_type_resolver,
    parse,
)
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_root_selection_set,
    map_source_to_response_event,
)
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

from reads import reference
from reads.arguments import CannotCompile
from reads.cache import ByteBounded
from reads.finish import FinishingExecutor, Steps
from reads.mutation import Mutation, Payload
from reads.operations import Operation, Parse, RequestErrors, prepare
from reads.permissions import Permissions
from reads.plan import Planner
from reads.reference import Done
from reads.shown import Unfinished
from reads.sqltext import Sources, Statement, compile_entity, compile_joined, compile_plan
from reads.text import BROKEN
from reads.together import Standing, Together, question
from reads.verify import verify

DOCUMENT_BYTES = 16 * 2**20
STATEMENT_BYTES = 16 * 2**20
PAYLOAD_BYTES = 4 * 2**20

E = TypeVar("E", bound=Executor[Any])


class Outcome(Enum):
    """Why `read` has no body: the other way must answer, or the session that the caller claims is not live."""

    EXECUTE = "EXECUTE"
    SESSION_GONE = "SESSION_GONE"


@dataclass(slots=True)
class Body:
    """`public`: the same for everyone. `stale`: the session's last use should be noted."""

    data: bytes
    public: bool
    stale: bool = False


@dataclass(frozen=True)
class Compiled:
    """`steps` finish what a statement of an entity makes; None: graphql-core does."""

    statement: Statement
    public: bool
    steps: Steps | None = None


class Engine:
    """`sources` find the viewer and record what is read of persons, in SQL; `parse` gives the document of a text.

    `facts` are what the process knows, which known roots are made of.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        sources: Sources,
        permissions: Permissions,
        parse: Parse = parse,
        facts: Any = None,
    ) -> None:
        self._parse = parse
        self.facts = facts
        self.schema = schema
        self.permissions = permissions
        self.sources = sources
        self.operations: ByteBounded[tuple[str, str | None], Operation] = ByteBounded(DOCUMENT_BYTES)
        self.statements: ByteBounded[Any, Compiled | None] = ByteBounded(STATEMENT_BYTES)
        self.payloads: ByteBounded[Any, Payload] = ByteBounded(PAYLOAD_BYTES)
        self._together = Together()
        verify(schema)
        reference.install(schema, permissions)

    def known(self, text: str, operation_name: str | None) -> Operation | None:
        """The operation, if it was prepared and is kept."""
        return self.operations.get((text, operation_name))

    def prepare(self, text: str, operation_name: str | None) -> Operation:
        """The operation, parsed and validated once. Raises RequestErrors."""
        found = self.known(text, operation_name)
        if found is None:
            found = prepare(self.schema, text, operation_name, self._parse)
            self.operations.put((text, operation_name), found, found.weight)
        return found

    def let_stand(self, operation: Operation, variables: Mapping[str, Any], viewer: Any) -> None:
        """Keeps the statement of a public operation for `read_standing`, if it is the same whatever the variables.

        It is kept as long as the operation is, so that it may not weigh more.
        """
        if operation.standing is not None or not operation.has_one_shape:
            return
        compiled = self.compiled(operation, variables, variables, viewer)
        if compiled is None or not compiled.public or compiled.statement.checks:
            return
        if compiled.statement.weight <= operation.weight:
            operation.standing = Standing(compiled.statement)

    async def read_standing(
        self, text: str, operation_name: str | None, variables: Mapping[str, Any], viewer: Any, database: Any
    ) -> bytes | None:
        """The answer to an operation whose statement stands; None where all of the operation has to be looked at."""
        operation = self.operations.get((text, operation_name))
        if operation is None or operation.standing is None or not operation.are_exact(variables):
            return None
        standing = operation.standing
        try:
            arguments = [get(variables, viewer) for get in standing.statement.getters]
        except GraphQLError:
            return None
        asked = question(arguments) if database.is_busy else None
        if asked is None:
            data: bytes = (await database.read_row(standing.statement.sql, *arguments))[0]
        else:
            if not standing.has_joined:
                standing.join(self.joined(operation, variables, viewer))
            data = await self._together.read(standing, asked, database)
        if BROKEN in data:
            operation.standing = None
            return None
        return data

    def joined(self, operation: Operation, variables: Mapping[str, Any], viewer: Any) -> str | None:
        """The operation's statement for several questions; None where there can be none, or it would weigh too much."""
        values = operation.coerce_all(self.schema, variables)
        compiled = None if isinstance(values, list) else self.compiled(operation, values.coerced, variables, viewer)
        if compiled is None:
            return None
        try:
            plan = self._planner(operation, values, viewer).plan()
            found = compile_joined(plan, self.sources, viewer.access, compiled.statement)
        except (CannotCompile, GraphQLError, RecursionError):
            return None
        return found if found and compiled.statement.weight + len(found) <= operation.weight else None

    async def read(
        self, operation: Operation, variables: Mapping[str, Any], viewer: Any, database: Any
    ) -> Body | Outcome:
        """Answers a query by one statement. `viewer` may be as claimed: the statement checks the session itself."""
        if not operation.is_query:
            return Outcome.EXECUTE
        values = operation.coerce(self.schema, variables)
        if values is None:
            return Outcome.EXECUTE
        compiled = self.compiled(operation, values, variables, viewer)
        if compiled is None:
            return Outcome.EXECUTE
        statement = compiled.statement
        try:
            arguments = statement.arguments(values, viewer)
        except GraphQLError:
            return Outcome.EXECUTE
        record = await database.read_row(statement.sql, *arguments)
        if record is None:
            return Outcome.SESSION_GONE
        data = record[0]
        if BROKEN in data:
            return Outcome.EXECUTE
        return Body(data, compiled.public, statement.owned and record[1])

    def compiled(
        self, operation: Operation, values: Mapping[str, Any], variables: Mapping[str, Any], viewer: Any
    ) -> Compiled | None:
        key = (operation.key, viewer.access, operation.shape(values))
        kept = self.statements.get(key)
        if kept is not None or key in self._refused(operation):
            return kept
        made = self._compile(operation, variables, viewer)
        if made is None:
            self._refused(operation).add(key)
        else:
            self.statements.put(key, made, made.statement.weight)
        return made

    def _refused(self, operation: Operation) -> set[Any]:
        """Plans that the reference way answers, remembered with the operation."""
        refused = operation.notes.setdefault("refused", set())
        if len(refused) > 100:
            refused.clear()
        return refused

    def _compile(self, operation: Operation, variables: Mapping[str, Any], viewer: Any) -> Compiled | None:
        values = operation.coerce_all(self.schema, variables)
        if isinstance(values, list):
            return None
        try:
            plan = self._planner(operation, values, viewer).plan()
            statement = compile_plan(plan, self.sources, viewer.access)
        except (CannotCompile, GraphQLError, RecursionError):
            return None
        return Compiled(statement, plan.public and not statement.owned and not statement.private)

    def _planner(self, operation: Operation, values: Any, viewer: Any) -> Planner:
        return Planner(
            self.schema,
            operation.node,
            operation.fragments,
            values,
            viewer.access,
            self.permissions,
            facts=self.facts,
        )

    def compiled_entity(self, operation: Operation, key: Any, make: Any, access: Any) -> Compiled | None:
        """The statement of a payload's entity, kept by `key`; `make()` plans it, giving rows, binds and steps."""
        kept = self.statements.get((operation.key, key))
        if kept is not None:
            return kept
        try:
            rows, binds, steps = make()
            statement = compile_entity(rows, binds, self.sources, access)
        except (CannotCompile, GraphQLError, RecursionError):
            return None
        made = Compiled(statement, False, steps)
        self.statements.put((operation.key, key), made, statement.weight)
        return made

    def kept_payload(self, operation: Operation, place: Any, make: Callable[[], Payload]) -> Payload | None:
        """How a mutation's payload is completed, kept by `place`; None where graphql-core has to do it."""
        key = (operation.key, place)
        kept = self.payloads.get(key)
        if kept is not None or key in self._refused(operation):
            return kept
        try:
            made = make()
        except (CannotCompile, Unfinished, GraphQLError, RecursionError):
            self._refused(operation).add(key)
            return None
        self.payloads.put(key, made, made.weight)
        return made

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Any) -> ExecutionResult:
        """Answers by graphql-core, a mutation past it where all goes well. Raises RequestErrors for wrong variables."""
        done = Done() if operation.kind is OperationType.MUTATION else None
        executor = self._executor(FinishingExecutor, operation, variables, context, done)
        if done is not None:
            data = await Mutation(operation, executor, done, self.kept_payload).run()
            if data is not None:
                return ExecutionResult(data, None)
        result = execute_root_selection_set(executor)
        return result if isinstance(result, ExecutionResult) else await result

    async def subscribe(
        self, operation: Operation, variables: Mapping[str, Any], context: Any
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """Begins a subscription: its answers, one an event, or why there are none. Raises as `execute` does.

        The context's viewer may be set anew between events. A subscription that ends by an error raises it.
        """
        executor = self._executor(ExecutorThrowingOnIncremental, operation, variables, context)
        events = create_source_event_stream(executor)
        if isawaitable(events):
            events = await events
        return events if isinstance(events, ExecutionResult) else map_source_to_response_event(executor, events)

    def _executor(
        self, kind: type[E], operation: Operation, variables: Mapping[str, Any], context: Any, root: Any = None
    ) -> E:
        """graphql-core's, of variables that are coerced once. Raises RequestErrors."""
        values = operation.coerce_all(self.schema, variables)
        if isinstance(values, list):
            raise RequestErrors([_bad_input(error) for error in values])
        context.operation, context.variables = operation, values.coerced
        return kind(
            schema=self.schema,
            fragment_definitions=operation.fragment_definitions,
            fragments=operation.fragments,
            root_value=root,
            context_value=context,
            operation=operation.node,
            variable_values=values,
            field_resolver=default_field_resolver,
            type_resolver=default_type_resolver,
            subscribe_field_resolver=default_field_resolver,
            hide_suggestions=True,
        )


def _bad_input(error: GraphQLError) -> GraphQLError:
    return GraphQLError(error.message, error.nodes, extensions={"code": "BAD_USER_INPUT"})
