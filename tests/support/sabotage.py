"""Ways to break one of the two ways of executing, each of which a comparison has to find."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, literal_column, not_

import reads.pages
import reads.sqltext
import reads.text
from auth.viewer import Viewer, ViewerKind
from reads.entities import strawberry_field
from reads.operations import Operation
from reads.pages import PageText
from reads.plan import Planner
from reads.rows import RowReader
from reads.sqltext import SQLText
from reads.text import cat

Sabotage = Callable[[pytest.MonkeyPatch], None]


def refused_fields_are_shown(patch: pytest.MonkeyPatch) -> None:
    asked = Planner.allowed

    def allowed(self: Planner, parent: Any, name: str) -> Any:
        return asked(self, parent, name) if self.tolerant else strawberry_field(parent, name)

    patch.setattr(Planner, "allowed", allowed)


def others_rows_are_shown(patch: pytest.MonkeyPatch) -> None:
    visible = Planner.visible

    def all_of_them(self: Planner, entity: Any) -> Any:
        found = visible(self, entity)
        return found if self.tolerant or found is None else []

    patch.setattr(Planner, "visible", all_of_them)


def others_rows_are_shown_by_the_reference(patch: pytest.MonkeyPatch) -> None:
    visible = Planner.visible

    def all_of_them(self: Planner, entity: Any) -> Any:
        found = visible(self, entity)
        return [] if self.tolerant and found is not None else found

    patch.setattr(Planner, "visible", all_of_them)


def filters_are_dropped(patch: pytest.MonkeyPatch) -> None:
    chosen = SQLText.chosen
    patch.setattr(
        SQLText, "chosen", lambda self, node, what, row, parent, filters=(): chosen(self, node, what, row, parent)
    )


def filters_are_dropped_by_the_reference(patch: pytest.MonkeyPatch) -> None:
    chosen = RowReader.chosen
    patch.setattr(RowReader, "chosen", lambda self, node, row, filters=(): chosen(self, node, row))


def a_page_has_one_too_many(patch: pytest.MonkeyPatch) -> None:
    page = RowReader.page
    patch.setattr(RowReader, "page", lambda self, node, rows, size, *rest: page(self, node, rows, size + 1, *rest))


def a_next_page_is_never_seen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PageText, "more", lambda self: literal_column("false"))


def cursors_point_the_wrong_way(patch: pytest.MonkeyPatch) -> None:
    beyond = PageText.beyond

    def before(self: PageText, row: Any) -> Any:
        found = beyond(self, row)
        return not_(found) if isinstance(self.backend, SQLText) else found

    patch.setattr(PageText, "beyond", before)


def cursors_lose_fractions_of_a_second(patch: pytest.MonkeyPatch) -> None:
    key_text = reads.pages.key_text

    def rounded(key: Any, type_: Any) -> Any:
        whole = func.date_trunc("second", key) if type_.python_type.__name__ == "datetime" else key
        return key_text(whole, type_)

    patch.setattr(reads.pages, "key_text", rounded)


def ties_are_sorted_the_other_way(patch: pytest.MonkeyPatch) -> None:
    ordered = PageText.ordered

    def other(self: PageText, row: Any, backward: bool) -> Any:
        keys = ordered(self, row, backward)
        return [*keys[:-1], ordered(self, row, not backward)[-1]] if isinstance(self.backend, SQLText) else keys

    patch.setattr(PageText, "ordered", other)


def nulls_are_not_written(patch: pytest.MonkeyPatch) -> None:
    leaf = reads.sqltext.leaf
    patch.setattr(reads.sqltext, "leaf", lambda node, row, backend: leaf(replace(node, nullable=False), row, backend))


def missing_rows_are_not_written(patch: pytest.MonkeyPatch) -> None:
    rows = SQLText.rows
    patch.setattr(SQLText, "rows", lambda self, node, parent: rows(self, replace(node, nullable=False), parent))


def strings_are_not_escaped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reads.text, "json_string", lambda value: cat('"', reads.text.as_text(value), '"'))


def moments_lose_their_microseconds(patch: pytest.MonkeyPatch) -> None:
    utc = reads.text.utc
    patch.setattr(reads.text, "utc", lambda value, picture: utc(value, picture.replace("US", "MS")))


def plans_are_shared_whatever_is_null(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Operation, "shape", lambda self, values: ())


def a_facet_counts_within_its_own_filter(patch: pytest.MonkeyPatch) -> None:
    facet_select = reads.pages.facet_select

    def within(backend: Any, node: Any, parent: Any, facet: Any) -> Any:
        return facet_select(backend, node, parent, replace(facet, filter=""))

    patch.setattr(reads.pages, "facet_select", within)


def a_missing_required_row_passes_for_null(patch: pytest.MonkeyPatch) -> None:
    rows = SQLText.rows
    patch.setattr(SQLText, "rows", lambda self, node, parent: rows(self, replace(node, nullable=True), parent))


def reads_of_persons_are_not_recorded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RowReader, "note", lambda self, recorded, subject: None)


def masked_values_are_shown(patch: pytest.MonkeyPatch) -> None:
    guarded = Planner.guarded

    def shown(self: Planner, leaf: Any, field: Any, table: Any) -> Any:
        found = guarded(self, leaf, field, table)
        return found if self.tolerant else replace(found, sql=leaf.sql)

    patch.setattr(Planner, "guarded", shown)


def answers_given_together_are_mixed_up(patch: pytest.MonkeyPatch) -> None:
    joined = SQLText.joined

    def backwards(self: SQLText, *whole: Any) -> str | None:
        found = joined(self, *whole)
        return found and f"{found} DESC"

    patch.setattr(SQLText, "joined", backwards)


SEEN_BY: dict[Sabotage, Callable[[Viewer], bool]] = {
    reads_of_persons_are_not_recorded: lambda viewer: viewer.kind is ViewerKind.STAFF,
    masked_values_are_shown: lambda viewer: (
        "customer:recognise" in viewer.permissions and "customer:read" not in viewer.permissions
    ),
    answers_given_together_are_mixed_up: lambda viewer: viewer.kind is ViewerKind.ANONYMOUS,
}
"""The only callers who see a difference: drawn for others as well, it would take long to be found."""

SABOTAGES: list[Sabotage] = [
    refused_fields_are_shown,
    others_rows_are_shown,
    others_rows_are_shown_by_the_reference,
    filters_are_dropped,
    filters_are_dropped_by_the_reference,
    a_page_has_one_too_many,
    a_next_page_is_never_seen,
    cursors_point_the_wrong_way,
    cursors_lose_fractions_of_a_second,
    ties_are_sorted_the_other_way,
    nulls_are_not_written,
    missing_rows_are_not_written,
    a_missing_required_row_passes_for_null,
    strings_are_not_escaped,
    moments_lose_their_microseconds,
    plans_are_shared_whatever_is_null,
    a_facet_counts_within_its_own_filter,
    reads_of_persons_are_not_recorded,
    masked_values_are_shown,
    answers_given_together_are_mixed_up,
]
