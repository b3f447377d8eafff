"""`python -m app partner`, as a person gives it, beside a shop that is open and alone."""

import re
import subprocess
import time
from datetime import UTC, datetime

import httpx

from app.settings import Settings
from tests.embedded.commands import run, serving

KEY = re.compile(r"lyp_[0-9A-Za-z]{39}\n")
WHO = """{ viewer { kind permissions partner { name scopes keys { label expiresAt }
  usage(days: 1) { requests refused } } } }"""


def issue(settings: Settings, name: str, *more: str) -> subprocess.CompletedProcess[str]:
    return run(settings.home, "partner", "issue-key", "--partner", name, "--scope", "reviews:read", *more)


def test_key_alone_is_printed_and_what_else_is_done_is_told_aside(own: Settings):
    first = issue(own, "Acme Reviews", "--label", "machine one", "--expires-in", "30")
    assert first.returncode == 0
    assert KEY.fullmatch(first.stdout)
    assert "There was no partner of this name: it is made." in first.stderr
    again = issue(own, " Acme  Reviews")
    assert KEY.fullmatch(again.stdout)
    assert again.stdout != first.stdout
    assert "it is made" not in again.stderr
    listed = run(own.home, "partner", "list")
    assert listed.stdout == "Acme Reviews  ACTIVE  reviews:read  any network  2 keys\n"
    assert first.stdout.strip() not in first.stderr


def test_what_makes_no_sense_is_refused_and_nothing_is_printed(own: Settings):
    for arguments in (
        ("issue-key", "--partner", "Acme", "--scope", "everything"),
        ("issue-key", "--partner", " ", "--scope", "reviews:read"),
        ("issue-key", "--partner", "Acme", "--scope", "reviews:read", "--expires-in", "0"),
        ("issue-key", "--partner", "Acme", "--scope", "reviews:read", "--label", "x" * 61),
        ("issue-key", "--partner", "Acme"),
        ("issue-key", "--scope", "reviews:read"),
    ):
        refused = run(own.home, "partner", *arguments)
        assert refused.returncode != 0, arguments
        assert refused.stdout == ""
        assert "Traceback" not in refused.stderr
    listed = run(own.home, "partner", "list")
    assert listed.stdout == ""
    assert "there are no partners" in listed.stderr


def test_key_is_good_at_once_and_what_it_did_outlives_a_killed_shop(own: Settings):
    with serving(own.home) as (process, address):
        issued = issue(own, "Acme", "--label", "live", "--expires-in", "1")
        headers = {"authorization": f"Bearer {issued.stdout.strip()}"}
        for _ in range(3):
            viewer = httpx.post(f"{address}/graphql", json={"query": WHO}, headers=headers).json()["data"]["viewer"]
        assert (viewer["kind"], viewer["permissions"], viewer["partner"]["name"]) == (
            "PARTNER",
            ["reviews:read"],
            "Acme",
        )
        (key,) = viewer["partner"]["keys"]
        assert key["label"] == "live"
        assert 0.9 < (datetime.fromisoformat(key["expiresAt"]) - datetime.now(UTC)).total_seconds() / 86400 <= 1
        time.sleep(4)
        process.kill()
        process.wait()
    with serving(own.home) as (_, address):
        viewer = httpx.post(f"{address}/graphql", json={"query": WHO}, headers=headers).json()["data"]["viewer"]
        assert viewer["partner"]["usage"] == [{"requests": 3, "refused": 0}]
