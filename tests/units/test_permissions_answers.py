"""`python -m app permissions`, without starting a process."""

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.permissions_answers import answers
from models.classification import Purpose
from resolvers.root import core_schema


def told(what: str, role: str = "", purpose: Purpose | None = None) -> dict[str, str]:
    """By the first words of each line but the first."""
    _, *lines = answers(core_schema(), what, role, purpose)
    return {line[:26].strip(): line[26:] for line in lines}


def test_all_callers_are_told_of():
    found = told("Customer.email")
    assert found["anonymous"] == "refused: UNAUTHENTICATED"
    assert found["customer"] == "read"
    assert found["support"] == "ACCESS+case, PRODUCTS"
    assert found["floor"] == "PRODUCTS masked"
    assert found["marketing"] == "refused: PERMISSION"


def test_head_tells_what_of_persons_the_field_holds():
    head, *_ = answers(core_schema(), "Customer.email", "", None)
    assert head == "Customer.email  user.contact.email as EMAIL"


@pytest.mark.parametrize(
    ("role", "purpose", "answer"),
    [
        ("support", Purpose.PRODUCTS, "read"),
        ("support", Purpose.ACCESS, "refused: CASE_REQUIRED; with a case read"),
        ("support", Purpose.BUSINESS, "refused: PURPOSE_NOT_ALLOWED"),
        ("security", Purpose.LEGAL_SAFETY, "refused: CASE_REQUIRED; with a case masked"),
        ("tailor", Purpose.PRODUCTS, "refused: PERMISSION"),
        ("owner", None, "ACCESS, PRODUCTS, LEGAL_SAFETY+case"),
    ],
)
def test_one_role_for_one_purpose(role: str, purpose: Purpose | None, answer: str):
    assert told("Customer.email", role, purpose) == {role: answer}


def test_what_is_not_of_persons_needs_no_purpose():
    assert told("Order.number", "floor") == {"floor": "read"}
    assert told("Order.number", "floor", Purpose.BUSINESS) == {"floor": "read"}


def test_type_is_told_of_field_by_field_and_argument():
    named = [line for line in answers(core_schema(), "Query", "floor", None) if not line.startswith(" ")]
    assert "Query.customers(search)  user.contact.email, user.contact.phone_number, user.name" in named
    assert len(list(answers(core_schema(), "", "floor", None))) > 2 * len(named)


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["Customer.email"], 0),
        (["Customer.email", "--role", "floor", "--purpose", "PRODUCTS"], 0),
        (["Customer.nothing"], 1),
        (["Customer.email", "--role", "king"], 1),
        (["Customer.email", "--purpose", "CURIOSITY"], 2),
    ],
)
def test_command_answers_or_says_what_is_wrong(arguments: list[str], exit_code: int):
    result = CliRunner().invoke(cli, ["permissions", *arguments])
    assert result.exit_code == exit_code
    assert (result.stdout.startswith("Customer.email  ")) is (exit_code == 0)
