"""What commands say."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import ROOT
from app.terminal import command


@pytest.mark.parametrize(
    ("python", "shown"),
    [
        ("/shop/.venv/bin/python", ".venv/bin/python -m app mail"),
        ("/usr/bin/python3", "/usr/bin/python3 -m app mail"),
        ("/shop/my env/bin/python", "'my env/bin/python' -m app mail"),
    ],
)
def test_command_is_short_where_it_can_be(monkeypatch: pytest.MonkeyPatch, python: str, shown: str):
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(Path, "cwd", lambda: Path("/shop"))
    assert command("mail") == shown


def test_command_works_in_the_folder_of_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    done = subprocess.run(shlex.split(command("mail --help")), capture_output=True, text=True, check=True)
    assert "mail show N" in done.stdout
