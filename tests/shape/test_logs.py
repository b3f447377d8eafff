"""What the program logs is what a log may hold: a key that is not listed would be left out, and nobody would know."""

import ast
from collections.abc import Iterator

from app.logging import ALLOWED
from app.settings import ROOT

FOLDERS = ("app", "auth", "commerce", "gateways", "models", "privacy", "reads", "resolvers", "schema", "seeds")
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def logged() -> Iterator[tuple[str, ast.Call]]:
    """Each call of a module's `log`, and where it is."""
    for path in (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if level in LEVELS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def keys_of(call: ast.Call) -> set[str]:
    """The names that are given; of a mapping, those that are written there, and `?` where none are."""
    names = {word.arg for word in call.keywords if word.arg is not None}
    for word in call.keywords:
        if word.arg is None:
            mappings = [node for node in ast.walk(word.value) if isinstance(node, ast.Dict)]
            written = {key.value for one in mappings for key in one.keys if isinstance(key, ast.Constant)}
            names |= {str(name) for name in written} or {"?"}
    return names


def test_every_key_that_is_logged_may_be_in_a_log():
    calls = list(logged())
    assert len(calls) > 10
    unknown = {where: names for where, call in calls if (names := keys_of(call) - ALLOWED.keys() - {"exc_info"})}
    assert not unknown
