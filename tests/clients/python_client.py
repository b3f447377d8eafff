"""The Python client that ariadne-codegen makes from the committed SDL, and what a type checker says about its use."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from app.settings import ROOT

CODEGEN = ROOT / ".venv-codegen/bin/ariadne-codegen"
OPERATIONS = ROOT / "tests/clients/operations"
JOURNEYS = ROOT / "tests/clients/journeys"
PACKAGE = "layette_client"

_CONFIGURATION = """
[tool.ariadne-codegen]
schema_path = "{root}/schema/schema.graphql"
queries_path = "{operations}"
target_package_path = "{target}"
target_package_name = "{package}"
client_name = "LayetteClient"
include_comments = "none"

[tool.ariadne-codegen.scalars.DateTime]
type = "datetime.datetime"

[tool.ariadne-codegen.scalars.Decimal]
type = "decimal.Decimal"
"""


def generate(target: Path) -> None:
    """Makes the package `layette_client` in this folder."""
    assert CODEGEN.exists(), "ariadne-codegen is not installed: make test does that"
    configuration = target / "ariadne-codegen.toml"
    configuration.write_text(_CONFIGURATION.format(root=ROOT, operations=OPERATIONS, target=target, package=PACKAGE))
    _run(str(CODEGEN), "--config", str(configuration))


def check_types(target: Path) -> None:
    """Fails where the journeys use the client in `target` in a way that its types do not allow."""
    checker = Path(sysconfig.get_path("scripts")) / "ty"
    _run(
        str(checker),
        "check",
        "--output-format",
        "concise",
        "--extra-search-path",
        str(target),
        "--python",
        sys.prefix,
        str(JOURNEYS),
    )


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
