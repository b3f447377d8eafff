"""What is said of an error: a code on each, no value of the client's, nothing from inside."""

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, Source

from app.errors import OUR_FAULT, before_execution, internal, while_executing, without_values
from tests.support.log import written_log

REQUEST = "00000000000000aa"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "Variable '$i' has invalid value at .a: Expected value of type 'T' to be an object, found: 'x: y'.",
            "Variable '$i' has invalid value at .a: Expected value of type 'T' to be an object.",
        ),
        (
            "Expected value of type 'T' not to include unknown field 'zz'. Did you mean 'z'? Found: {'zz': 'x'}.",
            "Expected value of type 'T' not to include unknown field 'zz'.",
        ),
        ("String cannot represent a non string value: 7", "String cannot represent a non string value."),
        ("Enum 'E' cannot represent non-string value: {'a': 'b'}.", "Enum 'E' cannot represent non-string value."),
        ("Value 'it's' does not exist in 'E' enum.", "Value does not exist in 'E' enum."),
        ("Expected value of type 'D', but encountered error 'no date x'; found: 'x'.", "Expected value of type 'D'."),
        ("Syntax Error: Expected Name, found String 'x'.", "Syntax Error: Expected Name, found String."),
        ("Syntax Error: Unexpected Int '7'.", "Syntax Error: Unexpected Int."),
        ("Syntax Error: Expected Name, found '}'.", "Syntax Error: Expected Name, found '}'."),
        ("Cannot query field 'a' on type 'T'. Did you mean 'b', 'c', or 'd'?", "Cannot query field 'a' on type 'T'."),
        (
            "Expected value of non-null type 'T!' not to be None.",
            "Expected value of non-null type 'T!' not to be null.",
        ),
        ("Unknown argument 'foo' on field 'Query.a'.", "Unknown argument 'foo' on field 'Query.a'."),
    ],
)
def test_values_and_suggestions_are_cut_and_names_stay(said: str, shown: str):
    assert without_values(said) == shown


def test_document_errors_get_their_code_and_keep_one_they_have():
    errors = [
        GraphQLSyntaxError(Source("{"), 1, "Expected Name."),
        GraphQLError("Cannot query field 'a' on type 'T'."),
        GraphQLError("Too much.", extensions={"code": "QUERY_TOO_COMPLEX", "field": "x"}),
    ]
    shown = [error["extensions"] for error in before_execution(errors)]
    assert shown == [
        {"code": "GRAPHQL_PARSE_FAILED"},
        {"code": "GRAPHQL_VALIDATION_FAILED"},
        {"code": "QUERY_TOO_COMPLEX", "field": "x"},
    ]


def located(cause: Exception) -> GraphQLError:
    return GraphQLError(str(cause), path=["me", "orders", 0, "name"], original_error=cause)


def test_error_raised_on_purpose_is_shown_as_it_is():
    error = GraphQLError("Only 3 left, found: 2", path=["a"], extensions={"code": "FORBIDDEN", "reason": "PURPOSE"})
    with written_log() as logged:
        [shown] = while_executing([error], REQUEST)
    assert (shown["message"], shown["path"]) == ("Only 3 left, found: 2", ["a"])
    assert shown["extensions"] == {"code": "FORBIDDEN", "reason": "PURPOSE"}
    assert logged == []


@pytest.mark.parametrize("cause", [RuntimeError("password hunter2"), GraphQLError("Int cannot hold hunter2")])
def test_other_error_is_masked_and_logged_without_its_text(cause: Exception):
    with written_log() as logged:
        [shown] = while_executing([located(cause)], REQUEST)
    assert (shown["message"], shown["path"]) == (OUR_FAULT, ["me", "orders", 0, "name"])
    assert shown["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    [line] = logged
    assert line["error_id"] == shown["extensions"]["errorId"]
    assert line["request_id"] == REQUEST
    assert line["error"] == type(cause).__name__
    assert "hunter2" not in logged.text


def test_wrong_argument_found_while_executing_is_the_clients_mistake():
    cause = GraphQLError("Argument 'size' has invalid value: Int cannot represent non-integer value: 'x'")
    with written_log() as logged:
        [shown] = while_executing([located(cause)], REQUEST)
    assert shown["extensions"]["code"] == "BAD_USER_INPUT"
    assert logged == []


def test_each_fault_has_a_number_of_its_own():
    with written_log():
        first, second = (internal(RuntimeError(), REQUEST)["extensions"]["errorId"] for _ in range(2))
    assert first != second
