"""A job whose kind no handler has would wait for ever, silently."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.settings import ROOT
from app.worker import HANDLERS, PERIODIC

MAKING = {"Job", "promise"}
ENQUEUING = ("auth", "commerce", "privacy", "resolvers", "app")


def kinds(source: str) -> Iterator[str]:
    """The kinds of the jobs that a module makes. Raises AssertionError for one that is not a constant of the module."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKING:
            kind = node.args[0]
            assert isinstance(kind, ast.Name), f"line {node.lineno}: name the kind by a constant of the module"
            assert kind.id in constants, f"line {node.lineno}: {kind.id} is not a constant of the module"
            yield str(constants[kind.id])


def modules() -> list[Path]:
    return [path for folder in ENQUEUING for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_job_that_is_enqueued_has_a_handler():
    enqueued = {kind for path in modules() for kind in kinds(path.read_text())}
    assert enqueued, "no module enqueues a job: this test looks in the wrong places"
    assert enqueued <= set(HANDLERS)


def test_every_handler_has_a_job():
    enqueued = {kind for path in modules() for kind in kinds(path.read_text())}
    assert set(HANDLERS) <= enqueued


def test_handlers_and_periodic_work_have_names_of_their_own():
    names = [*HANDLERS, *(task.name for task in PERIODIC)]
    assert len(names) == len(set(names))


def test_kind_without_a_handler_would_be_found():
    source = (
        'LETTER = "nobody.mail"\n\nasync def f(transaction, key):\n    await enqueue(transaction, Job(LETTER, key))\n'
    )
    assert list(kinds(source)) == ["nobody.mail"]
    assert "nobody.mail" not in HANDLERS
