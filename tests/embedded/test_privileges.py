"""PostgreSQL runs whoever starts it: as root in a namespace, as root without namespaces, and as anyone else."""

import os
import signal
import subprocess
from pathlib import Path

import asyncpg
import pytest

from app.embedded import privileges
from app.embedded.home import Home
from app.embedded.postgres import PostgresServer
from app.embedded.privileges import NOBODY, Guise
from tests.embedded import programs

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes who it is")


async def _select_one(home: Home) -> int:
    connection = await asyncpg.connect(home.database_url)
    try:
        return await connection.fetchval("SELECT 1")
    finally:
        await connection.close()


def _server(home: Home, worn: Guise) -> PostgresServer:
    server = PostgresServer(home, durable=False)
    server.guise = worn
    return server


@as_root
@pytest.mark.parametrize(("worn", "owner"), [(Guise.NAMESPACE, 0), (Guise.NOBODY, NOBODY)])
async def test_root_runs_postgresql_in_a_home_that_others_cannot_enter(tmp_path: Path, worn: Guise, owner: int):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = Home(closed / "home")
    home.make()
    server = _server(home, worn)
    server.make()
    server.start()
    try:
        assert await _select_one(home) == 1
        assert server.data.stat().st_uid == owner
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
    assert not server.alive


@as_root
async def test_home_made_in_one_guise_is_used_in_the_other(tmp_path: Path):
    home = Home(tmp_path / "home")
    home.make()
    _server(home, Guise.NAMESPACE).make()
    for worn in (Guise.NOBODY, Guise.NAMESPACE):
        server = _server(home, worn)
        server.start()
        try:
            assert await _select_one(home) == 1
        finally:
            server.stop()


@as_root
@pytest.mark.parametrize("worn", [Guise.NAMESPACE, Guise.NOBODY])
def test_child_is_not_root_to_itself(worn: Guise):
    prepare = privileges.child(worn, signal.SIGKILL)
    said = subprocess.run(["/usr/bin/id", "-u"], preexec_fn=prepare, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(NOBODY)


def test_child_dies_with_its_parent(tmp_path: Path):
    program = """
import signal, subprocess, sys
from app.embedded.privileges import child, guise
sleeper = subprocess.Popen(["/bin/sleep", "60"], preexec_fn=child(guise(), signal.SIGTERM), cwd=sys.argv[1])
print(sleeper.pid, flush=True)
sys.stdin.read()
"""
    with programs.start(program, str(tmp_path)) as parent:
        assert parent.stdout
        assert int(parent.stdout.readline()) in programs.running_on(tmp_path)
        parent.kill()
        parent.wait()
        assert programs.wait_until_gone(tmp_path) == set()


@pytest.mark.parametrize(
    ("uid", "namespaces", "worn"),
    [
        (os.getuid() or NOBODY, True, Guise.SELF),
        (3_999_999, True, Guise.NAMESPACE),
        (3_999_999, False, Guise.SELF),
        (0, True, Guise.NAMESPACE),
        (0, False, Guise.NOBODY),
    ],
)
def test_guise_fits_the_user_and_the_machine(monkeypatch: pytest.MonkeyPatch, uid: int, namespaces: bool, worn: Guise):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(privileges, "_works", lambda _: namespaces)
    assert privileges.guise() is worn
