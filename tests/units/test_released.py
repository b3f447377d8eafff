"""What clients were promised, and what of it a change may take from them."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import released, snapshot
from app.cli import cli

TODAY = date(2027, 2, 1)
PROMISED = """
directive @readers(by: [String!]!) on FIELD_DEFINITION
interface Node { id: ID! }
type Query { hat(size: Int, colour: Colour): Hat node(id: ID!): Node }
type Hat implements Node { id: ID! name: String! band: Band old: Int }
type Band { width: Int }
enum Colour { RED BLUE }
input Wish { hat: ID! note: String }
type Mutation { wish(input: Wish!): Hat }
"""


def changed(*pairs: tuple[str, str], text: str = PROMISED) -> str:
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    return text


def dated(what: str, day: str = "2027-01-31") -> str:
    return f'{what} @deprecated(reason: "Use `other`; goes on {day}.")'


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("old: Int", "", "Field Hat.old was removed."),
        ("old: Int", "old: String", "Field Hat.old changed type from Int to String."),
        ("name: String!", "name: String", "Field Hat.name changed type from String! to String."),
        ("size: Int,", "size: Int, brim: Int!,", "A required argument Query.hat(brim:) was added."),
        ("size: Int,", "size: Int!,", "Argument Query.hat(size:) has changed type from Int to Int!."),
        ("size: Int,", "", "Argument Query.hat(size:) was removed."),
        ("RED BLUE", "RED", "Enum value Colour.BLUE was removed."),
        ("note: String", "note: String size: Int!", "A required field Wish.size was added."),
        ("implements Node {", "{", "Hat no longer implements interface Node."),
    ],
)
def test_break_is_found_and_told_with_what_to_do(before: str, after: str, told: str):
    present = changed((before, after))
    assert released.breaks(present, PROMISED, TODAY) == [told]
    assert released.complaints(present, PROMISED, TODAY) == [f"breaks clients: {told}", released.NEXT]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("old: Int", "old: Int new: String!"),
        ("size: Int,", "size: Int, brim: Int,"),
        ("size: Int,", "size: Int = 7,"),
        ("RED BLUE", "RED BLUE GREEN"),
        ("note: String", "note: String size: Int"),
        ("band: Band", "band: Band!"),
        ("old: Int", dated("old: Int")),
        ("type Band", '"Goes round it." type Band'),
    ],
)
def test_addition_passes(before: str, after: str):
    assert released.complaints(changed((before, after)), PROMISED, TODAY) == []


@pytest.mark.parametrize(
    ("member", "without"),
    [("old: Int", ""), ("size: Int", ""), ("note: String", ""), ("BLUE", ""), ("old: Int", "old: String")],
)
@pytest.mark.parametrize(("day", "goes"), [("2027-01-31", True), ("2027-02-01", True), ("2027-02-02", False)])
def test_what_was_announced_goes_from_its_day_on(member: str, without: str, day: str, goes: bool):
    promised = changed((member, dated(member, day)))
    assert (released.breaks(changed((member, without)), promised, TODAY) == []) is goes


def test_deprecation_that_no_release_had_is_no_announcement():
    assert released.breaks(changed(("old: Int", "")), PROMISED, TODAY) != []


def test_type_goes_with_the_last_field_that_led_to_it():
    promised = changed(("band: Band", dated("band: Band")))
    assert released.breaks(changed(("band: Band", ""), ("type Band { width: Int }", "")), promised, TODAY) == []
    in_two = changed(("old: Int", "old: Int belt: Band"), text=promised)
    present = changed(("band: Band", ""), ("type Band { width: Int }", ""))
    assert released.breaks(present, in_two, TODAY) == ["Band was removed.", "Field Hat.belt was removed."]


@pytest.mark.parametrize("reason", ["Use `other`.", "Use `other`; goes on 2027-13-01.", ""])
@pytest.mark.parametrize(
    ("member", "name"),
    [("old: Int", "Hat.old"), ("size: Int", "Query.hat(size)"), ("BLUE", "Colour.BLUE"), ("note: String", "Wish.note")],
)
def test_deprecation_names_its_day(member: str, name: str, reason: str):
    present = changed((member, f'{member} @deprecated(reason: "{reason}")'))
    told = f"{name} is deprecated without a day from which it may go"
    assert released.complaints(present, PROMISED, TODAY) == [told, released.NEXT]


# ---- the command, where there is no git


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that are checked, and without a history."""
    for module in (released, snapshot):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", "")
    for path in snapshot.PAGES:
        (tmp_path / path).parent.mkdir(exist_ok=True)
    return tmp_path


def test_release_is_what_later_changes_are_checked_against(root: Path):
    list(snapshot.write())
    missing = CliRunner().invoke(cli, ["schema", "--check"])
    assert (missing.exit_code, "schema/released.graphql is missing" in missing.output) == (1, True)
    assert CliRunner().invoke(cli, ["schema", "--release"]).exit_code == 0
    assert CliRunner().invoke(cli, ["schema", "--check"]).exit_code == 0

    promise = root / released.RELEASED
    more = promise.read_text().replace("type Mutation {", "type Mutation {\n  gone: Int\n")
    promise.write_text(more)
    for option in ("--check", "--release"):
        refused = CliRunner().invoke(cli, ["schema", option])
        assert refused.exit_code == 1
        assert "breaks clients: Field Mutation.gone was removed." in refused.output
        assert "deprecated first" in refused.output
    assert promise.read_text() == more


def test_committed_promise_is_kept():
    assert released.complaints(snapshot.sdl(), released.read(), released.today()) == []
