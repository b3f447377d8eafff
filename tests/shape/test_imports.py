"""Imports point one way, and what we import is ours."""

import shutil
import subprocess
import sysconfig
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from app.settings import ROOT

OURS = (
    "app", "auth", "benchmarks", "commerce", "gateways", "migrations", "models", "privacy", "reads", "resolvers",
    "schema", "seeds", "tests",
)  # fmt: skip
LINTER = Path(sysconfig.get_path("scripts")) / "lint-imports"
NOT_OURS = shutil.ignore_patterns("__pycache__", "node_modules")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINTER, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_imports_point_one_way():
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "rogue"),
    [
        ("models/address.py", "import auth.viewer"),
        ("models/address.py", "import gateways.jobs"),
        ("commerce/address.py", "import strawberry"),
        ("auth/viewer.py", "import starlette.requests"),
        ("privacy/__init__.py", "import commerce.address"),
        ("gateways/jobs.py", "import commerce.address"),
        ("reads/plan.py", "import schema.errors"),
        ("commerce/address.py", "import schema.errors"),
        ("resolvers/__init__.py", "import app.settings"),
    ],
)
def test_import_against_the_layers_is_found(tmp_path: Path, file: str, rogue: str):
    for package in OURS:
        if (ROOT / package).is_dir():
            shutil.copytree(ROOT / package, tmp_path / package, ignore=NOT_OURS)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as changed:
        changed.write(f"\n{rogue}\n")
    result = _lint(tmp_path)
    assert result.returncode != 0
    assert rogue.removeprefix("import ").partition(".")[0] in result.stdout


def test_no_installed_package_has_a_name_of_ours():
    assert set(packages_distributions()) & set(OURS) == set()


@pytest.mark.parametrize("name", OURS)
def test_packages_are_imported_from_the_root(name: str):
    if name == "benchmarks":  # programs to run
        return
    module = __import__(name)
    assert Path(module.__file__ or "").parent == ROOT / name
