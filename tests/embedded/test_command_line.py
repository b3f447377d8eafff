"""The commands as a person gives them: in processes of their own."""

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.settings import ROOT, Settings
from gateways.mail import LocalMailbox, MailMessage
from tests.embedded import programs
from tests.embedded.commands import COMMAND, environment, run, serving


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_shop_opens_and_is_stopped_cleanly(own: Settings, number: signal.Signals):
    with serving(own.home) as (process, address):
        assert httpx.get(f"{address}/health/ready").json()["status"] == "ready"
        assert "server" not in httpx.get(f"{address}/health/live").headers
        process.send_signal(number)
        assert process.wait(20) == 0
    assert programs.wait_until_gone(own.home) == set()


def test_shop_that_was_killed_opens_again(own: Settings):
    for _ in range(2):
        with serving(own.home) as (process, address):
            assert httpx.get(f"{address}/health/ready").status_code == 200
            process.kill()


def test_shop_is_ready_again_after_its_database_was_killed(own: Settings):
    with serving(own.home) as (_, address):
        programs.kill(programs.postmaster_of(own.home))
        deadline = time.monotonic() + 20
        while httpx.get(f"{address}/health/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_shop_is_ready_again_after_the_keeper_of_its_servers_was_killed(own: Settings):
    with serving(own.home) as (process, address):
        killed = programs.keeper_of(own.home)
        programs.kill(killed)
        deadline = time.monotonic() + 30
        while programs.found_keeper(own.home) in {killed, None}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        while httpx.get(f"{address}/health/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert programs.wait_until_gone(own.home) == set()


def test_address_that_is_taken_is_told_before_anything_is_started(own: Settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run(own.home, "serve", LAYETTE_PORT=str(taken.getsockname()[1]))
    assert result.returncode == 1
    assert "in use" in result.stderr
    assert "Traceback" not in result.stderr
    assert not own.home.exists()


def test_env_prints_what_a_shell_can_use(own: Settings):
    with serving(own.home):
        printed = run(own.home, "env")
        assert printed.stderr == ""
        script = 'eval "$PRINTED"; printf "%s\\n%s" "$DATABASE_URL" "$REDIS_URL"'
        shell = subprocess.run(
            ["/bin/bash", "-c", script], env={"PRINTED": printed.stdout}, capture_output=True, text=True, check=True
        )
    assert shell.stdout == f"postgresql://postgres@/layette?host={own.home}/run\nunix://{own.home}/run/valkey.sock"


def test_env_says_when_nothing_runs(own: Settings):
    assert "not running" in run(own.home, "env").stderr


def test_env_prints_what_the_environment_says(own: Settings):
    printed = run(own.home, "env", DATABASE_URL="postgresql://me@db/shop", REDIS_URL="redis://cache/1")
    assert printed.stdout == "DATABASE_URL=postgresql://me@db/shop\nREDIS_URL=redis://cache/1\n"
    assert printed.stderr == ""


async def test_mailbox_is_listed_and_read(own: Settings):
    assert "no mail" in run(own.home, "mail").stderr
    mailbox = LocalMailbox(own.home, "shop@layette.example")
    await mailbox.send(MailMessage("ann@example.com", "Welcome [bold]", "Dear Ann", "<p>Dear Ann</p>"))
    await mailbox.send(MailMessage("bea@example.com", "Second", "Dear Bea", "<p>Dear Bea</p>"))
    first, second = run(own.home, "mail").stdout.splitlines()
    assert re.fullmatch(r" +1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ann@example.com  Welcome \[bold\]", first)
    assert second.endswith("bea@example.com  Second")
    assert "Dear Bea" in run(own.home, "mail", "show", "2").stdout
    assert run(own.home, "mail", "show", "3").returncode == 1


def test_migrate_makes_the_tables_and_says_where_it_is(own: Settings):
    first, again = run(own.home, "migrate"), run(own.home, "migrate")
    assert (first.returncode, again.returncode) == (0, 0)
    assert "migrating" in first.stderr
    assert "migrating" not in again.stderr
    assert first.stdout == again.stdout
    assert first.stdout.startswith("at revision ")


def test_shop_is_stocked_once_and_says_how_to_sign_in(own: Settings):
    first = run(own.home, "seed", "demo")
    assert first.returncode == 0
    customer = re.compile(r"customer1@example\.com  \S+")
    assert (sign_in := customer.search(first.stderr))
    again = run(own.home, "seed", "demo")
    assert again.returncode == 1
    assert "only an empty one" in again.stderr
    with serving(own.home, LAYETTE_SEED="demo") as (process, _):
        assert process.stderr
        said = ""
        while "Ctrl-C" not in said:
            said += process.stderr.readline()
    assert (remembered := customer.search(said))
    assert remembered[0] == sign_in[0]
    assert "stocking" not in said


def test_worker_works_beside_the_shop_and_stops_when_told(own: Settings):
    with (
        serving(own.home),
        subprocess.Popen(
            [*COMMAND, "worker"], cwd=ROOT, env=environment(own.home), stderr=subprocess.PIPE, text=True
        ) as worker,
    ):
        assert worker.stderr
        assert "working" in worker.stderr.readline()
        worker.terminate()
        assert worker.wait(20) == 0


def test_mistaken_setting_is_told_in_one_line(own: Settings):
    result = run(own.home, "serve", LAYETTE_SEED="everything")
    assert result.returncode == 1
    assert result.stderr.startswith("seed: ")
    assert "Traceback" not in result.stderr


def test_database_that_is_away_is_told_in_one_line(own: Settings):
    result = run(own.home, "migrate", DATABASE_URL=f"postgresql:///shop?host={own.home}", REDIS_URL="redis://nowhere")
    assert result.returncode == 1
    assert "can't reach" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_names_every_command(own: Settings):
    text = run(own.home, "--help").stdout
    for command in ("serve", "worker", "migrate", "seed", "schema", "env", "mail"):
        assert re.search(rf"\b{command}\b", text)


def test_another_package_named_schema_is_refused(own: Settings, tmp_path: Path):
    rogue = tmp_path / "schema"
    rogue.mkdir()
    (rogue / "__init__.py").touch()
    program = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_module('app', run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(own.home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "uninstall it" in result.stderr
