"""`python -m app staff`, as a person gives it: how the first owner of a new shop gets in."""

import re
import subprocess

import httpx

from app.settings import Settings
from gateways.mail import read_mailbox
from tests.embedded.commands import run, serving
from tests.support.login_session import PASSWORD

ACCEPT = """mutation ($token: String!, $password: String!) {
  staffInviteAccept(input: {token: $token, password: $password}) { session { token } userErrors { code } } }"""
VIEWER = "{ viewer { kind staff { name roles { name } } } }"


def invite(
    settings: Settings, *more: str, email: str = "ada@example.com", role: str = "owner"
) -> subprocess.CompletedProcess[str]:
    who = ("--name", "Ada Owner", "--email", email, "--role", role)
    return run(settings.home, "staff", "invite", *who, *more)


def test_first_owner_is_invited_from_the_command_line_and_gets_in_by_mail(own: Settings):
    invited = invite(own, "--role", "floor", "--kind", "contractor")
    assert invited.returncode == 0, invited.stderr
    assert "An invitation was mailed to ada@example.com" in invited.stderr
    assert invited.stdout == ""
    (mail,) = read_mailbox(own.home)
    assert mail.to == "ada@example.com"
    (token,) = set(re.findall(r"lym_[0-9A-Za-z]{39}", mail.text()))
    assert token not in invited.stderr
    listed = run(own.home, "staff", "list").stdout
    assert listed == "Ada Owner  ada@example.com  CONTRACTOR  INVITED  floor, owner  never signed in\n"
    with serving(own.home) as (_, address):
        asked = {"query": ACCEPT, "variables": {"token": token, "password": PASSWORD}}
        payload = httpx.post(f"{address}/graphql", json=asked).json()["data"]["staffInviteAccept"]
        assert payload["userErrors"] == []
        headers = {"authorization": f"Bearer {payload['session']['token']}"}
        viewer = httpx.post(f"{address}/graphql", json={"query": VIEWER}, headers=headers).json()["data"]["viewer"]
        assert viewer["staff"]["roles"] == [{"name": "floor"}, {"name": "owner"}]
        assert re.search(r"ACTIVE  floor, owner  \d{4}-\d\d-\d\d$", run(own.home, "staff", "list").stdout.strip())


def test_what_makes_no_sense_is_refused_and_nobody_is_invited(own: Settings):
    for refused in (
        invite(own, role="emperor"),
        invite(own, email="ada"),
        invite(own, "--kind", "robot"),
        run(own.home, "staff", "invite", "--name", "Ada", "--email", "ada@example.com"),
    ):
        assert refused.returncode != 0
        assert refused.stdout == ""
        assert "Traceback" not in refused.stderr
    listed = run(own.home, "staff", "list")
    assert (listed.stdout, "nobody works here yet" in listed.stderr) == ("", True)
    assert read_mailbox(own.home) == []


def test_invitation_that_waits_is_renewed(own: Settings):
    invite(own, role="floor")
    assert invite(own).returncode == 0
    assert len(read_mailbox(own.home)) == 2
    assert run(own.home, "staff", "list").stdout.count("\n") == 1


def test_reset_of_second_factors_is_for_members_alone(own: Settings):
    invite(own)
    reset = run(own.home, "staff", "reset-second-factors", "Ada@example.com")
    assert reset.returncode == 1
    assert "Nobody who works here signs in by this address" in reset.stderr
