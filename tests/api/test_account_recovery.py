"""Passwords and addresses through HTTP: set anew, changed, undone (P29, P51, P54)."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.embedded import Services
from app.settings import Settings
from auth import sessions
from models.database import Database
from tests.support.account import Post, customer, letters, token_in
from tests.support.login_session import LAPTOP, PASSWORD
from tests.support.shop import Shop, open_shop

SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) {
  session { token } userErrors { code } } }"""
STEP_UP = "mutation ($password: String) { stepUp(input: {password: $password}) { validUntil } }"
RESET_REQUEST = """mutation ($email: String!) { passwordResetRequest(input: {email: $email}) {
  accepted userErrors { code field } } }"""
RESET = """mutation ($input: PasswordResetInput!) { passwordReset(input: $input) {
  customer { id } userErrors { code field } } }"""
CHANGE = """mutation ($input: PasswordChangeInput!) { passwordChange(input: $input) {
  customer { email } userErrors { code field } } }"""
EMAIL_REQUEST = """mutation ($email: String!) { emailChangeRequest(input: {newEmail: $email}) {
  accepted userErrors { code field } } }"""
EMAIL_CONFIRM = """mutation ($proof: String!) { emailChangeConfirm(input: {token: $proof}) {
  customer { email } userErrors { code field } } }"""
EMAIL_UNDO = """mutation ($proof: String!) { emailChangeUndo(input: {token: $proof}) {
  undone userErrors { code field } } }"""
ME = "{ me { email } }"

ANA, EVE = "ana@example.com", "eve@example.net"
NEW_PASSWORD = "eleven blue buttons on a coat"
ACCEPTED = {"accepted": True, "userErrors": []}


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def ana(shop: Shop) -> UUID:
    return await customer(shop.database, ANA)


@pytest.fixture
def post(shop: Shop) -> Post:
    return Post(shop.database)


async def call(shop: Shop, mutation: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
    """The one payload of a mutation."""
    answer = await shop.ask(mutation, token, **variables)
    [payload] = answer["data"].values()
    return payload


async def sign_in(shop: Shop, identifier: str = ANA, password: str = PASSWORD) -> str | None:
    """The token of a new session."""
    payload = await call(shop, SIGN_IN, input={"identifier": identifier, "password": password})
    return payload["session"] and payload["session"]["token"]


async def who(shop: Shop, token: str | None) -> str | None:
    """Whose the session is."""
    me = (await shop.ask(ME, token))["data"]["me"]
    return me and me["email"]


def refused(payload: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(error["code"], *(error["field"] or ())) for error in payload["userErrors"]]


# ---- passwords


async def test_known_and_unknown_addresses_get_the_same_answer(shop: Shop, post: Post):
    answers = [
        await shop.client.post("/graphql", json={"query": RESET_REQUEST, "variables": {"email": email}})
        for email in (ANA, "nobody@example.com")
    ]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["data"]["passwordResetRequest"] == ACCEPTED
    assert letters(await post.deliver()) == {(ANA, "Choose a new")}


async def test_what_is_no_address_is_told(shop: Shop):
    payload = await call(shop, RESET_REQUEST, email="ana")
    assert (payload["accepted"], refused(payload)) == (False, [("INVALID", "email")])


async def test_reset_ends_every_session_and_signs_nobody_in(shop: Shop, post: Post):
    held = await sign_in(shop)
    await post.deliver()
    assert await call(shop, RESET_REQUEST, email=ANA) == ACCEPTED
    given = {"token": await post.token_for(ANA), "newPassword": NEW_PASSWORD}
    answer = await shop.client.post(
        "/graphql",
        json={"query": RESET, "variables": {"input": given}},
        headers={"authorization": f"Bearer {held}"},
    )
    assert answer.json()["data"]["passwordReset"] == {"customer": None, "userErrors": []}
    assert answer.headers["clear-site-data"]
    assert await who(shop, held) is None
    assert await sign_in(shop) is None
    assert await who(shop, await sign_in(shop, password=NEW_PASSWORD)) == ANA
    assert refused(await call(shop, RESET, input=given)) == [("TOKEN_INVALID", "token")]


async def test_reset_leaves_a_stranger_who_brings_the_token_signed_in(shop: Shop, post: Post):
    """A family shares a browser: the session that brings the token may be another account's."""
    await customer(shop.database, EVE)
    other = await sign_in(shop, EVE)
    await post.deliver()
    await call(shop, RESET_REQUEST, email=ANA)
    given = {"token": await post.token_for(ANA), "newPassword": NEW_PASSWORD}
    assert refused(await call(shop, RESET, other, input=given)) == []
    assert await who(shop, other) == EVE


async def test_change_ends_the_other_sessions(shop: Shop, post: Post):
    mine, other = await sign_in(shop), await sign_in(shop)
    given = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    assert await call(shop, CHANGE, mine, input=given) == {"customer": {"email": ANA}, "userErrors": []}
    assert (await who(shop, mine), await who(shop, other)) == (ANA, None)
    assert (ANA, "Your password for") in letters(await post.deliver())


async def test_p54_refusals_of_a_change_name_their_field(shop: Shop):
    mine = await sign_in(shop)
    wrong = await call(shop, CHANGE, mine, input={"currentPassword": "no", "newPassword": NEW_PASSWORD})
    assert (wrong["customer"], refused(wrong)) == (None, [("INVALID_CREDENTIALS", "currentPassword")])
    weak = await call(shop, CHANGE, mine, input={"currentPassword": PASSWORD, "newPassword": "qwerty1"})
    assert refused(weak) == [("BREACHED_PASSWORD", "newPassword")]


async def test_p29_change_of_password_needs_a_step_up(shop: Shop, post: Post, ana: UUID):
    issued = await shop.database.transact(lambda t: sessions.issue(t, ana, LAPTOP, stepped_up=False, announce=False))
    given = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    payload = await call(shop, CHANGE, issued.token, input=given)
    assert (payload["customer"], refused(payload)) == (None, [("STEP_UP_REQUIRED",)])
    assert await post.deliver() == []
    await call(shop, STEP_UP, issued.token, password=PASSWORD)
    assert refused(await call(shop, CHANGE, issued.token, input=given)) == []


async def test_current_password_is_not_guessed_in_a_browser_left_open(shop: Shop):
    mine = await sign_in(shop)
    for number in range(10):
        wrong = {"currentPassword": f"guess {number}", "newPassword": NEW_PASSWORD}
        assert refused(await call(shop, CHANGE, mine, input=wrong)) == [("INVALID_CREDENTIALS", "currentPassword")]
    right = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    limited = await shop.ask(CHANGE, mine, input=right)
    assert limited["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert await sign_in(shop) is not None


async def test_mailbox_is_not_flooded_whether_or_not_it_has_an_account(shop: Shop, post: Post):
    for address in (ANA, "nobody@example.com"):
        for _ in range(3):
            assert await call(shop, RESET_REQUEST, email=address) == ACCEPTED
        limited = await shop.ask(RESET_REQUEST, email=address)
        assert limited["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert len(await post.deliver()) == 3


# ---- the address


async def changed(shop: Shop, post: Post, session: str, email: str) -> tuple[str, str]:
    """The tokens that confirm and undo a change."""
    await post.deliver()
    assert await call(shop, EMAIL_REQUEST, session, email=email) == ACCEPTED
    sent = {message.to: message for message in await post.deliver()}
    confirmation = token_in(sent.pop(email))
    [notice] = sent.values()
    return confirmation, token_in(notice)


async def test_p29_change_of_address_needs_a_step_up(shop: Shop, post: Post, ana: UUID):
    issued = await shop.database.transact(lambda t: sessions.issue(t, ana, LAPTOP, stepped_up=False, announce=False))
    payload = await call(shop, EMAIL_REQUEST, issued.token, email=EVE)
    assert (payload["accepted"], refused(payload)) == (False, [("STEP_UP_REQUIRED",)])
    assert await post.deliver() == []
    await call(shop, STEP_UP, issued.token, password=PASSWORD)
    assert await call(shop, EMAIL_REQUEST, issued.token, email=EVE) == ACCEPTED


async def test_free_and_taken_addresses_get_the_same_answer(shop: Shop, post: Post):
    await customer(shop.database, "taken@example.com")
    session = await sign_in(shop)
    await post.deliver()
    answers, sent = [], []
    for email in ("taken@example.com", EVE):
        body = {"query": EMAIL_REQUEST, "variables": {"email": email}}
        headers = {"authorization": f"Bearer {session}"}
        answers.append((await shop.client.post("/graphql", json=body, headers=headers)).content)
        sent.append(letters(await post.deliver()))
    assert answers[0] == answers[1]
    assert sent == [
        {("taken@example.com", "This address is"), (ANA, "The address of")},
        {(EVE, "Confirm your new"), (ANA, "The address of")},
    ]


async def test_p51_new_mailbox_confirms_and_the_customer_is_shown_to_its_own_session(shop: Shop, post: Post):
    session = await sign_in(shop)
    assert session is not None
    confirmation, _ = await changed(shop, post, session, EVE)
    assert await call(shop, EMAIL_CONFIRM, session, proof=confirmation) == {
        "customer": {"email": EVE},
        "userErrors": [],
    }
    assert await who(shop, session) == EVE


async def test_who_confirms_without_a_session_is_shown_nobody(shop: Shop, post: Post):
    session = await sign_in(shop)
    assert session is not None
    await customer(shop.database, "other@example.com")
    stranger = await sign_in(shop, "other@example.com")
    confirmation, _ = await changed(shop, post, session, EVE)
    assert await call(shop, EMAIL_CONFIRM, stranger, proof=confirmation) == {"customer": None, "userErrors": []}
    assert await who(shop, session) == EVE
    again = await call(shop, EMAIL_CONFIRM, proof=confirmation)
    assert (again["customer"], refused(again)) == (None, [("TOKEN_INVALID", "token")])


async def test_p51_account_that_was_taken_over_comes_back_to_its_owner(shop: Shop, post: Post):
    """The stranger knows the password, moves the account twice, and still has the mailbox in between."""
    stranger = await sign_in(shop)
    assert stranger is not None
    confirmation, owners_notice = await changed(shop, post, stranger, EVE)
    await call(shop, EMAIL_CONFIRM, proof=confirmation)
    confirmation, strangers_notice = await changed(shop, post, stranger, "third@example.net")
    await call(shop, EMAIL_CONFIRM, proof=confirmation)
    assert await call(shop, EMAIL_UNDO, proof=owners_notice) == {"undone": True, "userErrors": []}
    assert await who(shop, stranger) is None
    refusal = await call(shop, EMAIL_UNDO, proof=strangers_notice)
    assert (refusal["undone"], refused(refusal)) == (False, [("TOKEN_INVALID", "token")])
    given = {"token": await post.token_for(ANA), "newPassword": NEW_PASSWORD}
    assert refused(await call(shop, RESET, input=given)) == []
    assert await sign_in(shop, ANA, PASSWORD) is None
    assert await who(shop, await sign_in(shop, ANA, NEW_PASSWORD)) == ANA


async def test_session_that_undoes_is_over_within_the_same_operation(shop: Shop, post: Post):
    session = await sign_in(shop)
    assert session is not None
    _, notice = await changed(shop, post, session, EVE)
    both = """mutation ($proof: String!) {
      emailChangeUndo(input: {token: $proof}) { undone }
      accountUpdate(input: {name: "Eve"}) { userErrors { code } } }"""
    answer = await shop.ask(both, session, proof=notice)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await who(shop, session) is None


@pytest.mark.parametrize("mutation", [CHANGE, EMAIL_REQUEST])
async def test_what_is_an_owners_alone_is_refused_to_others(shop: Shop, post: Post, mutation: str):
    given = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    variables: dict[str, Any] = {"input": given} if mutation is CHANGE else {"email": EVE}
    answer = await shop.ask(mutation, **variables)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await post.deliver() == []
