"""Having an account: from registering to signing out, with letters read at one's own mailbox."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from layette_client.enums import AccountEventKind, AgeBand, RegistrationStatus, UserErrorCode, ViewerKind
from layette_client.fragments import Refused
from layette_client.input_types import (
    AccountRegisterInput,
    AccountUpdateInput,
    AccountVerifyInput,
    EmailChangeConfirmInput,
    EmailChangeRequestInput,
    EmailChangeUndoInput,
    PasswordChangeInput,
    PasswordResetInput,
    PasswordResetRequestInput,
    PreferencesUpdateInput,
    SignInInput,
    SizePreferenceInput,
    StepUpInput,
)

from tests.clients.journeys.visitor import Visitor, answered_with, codes
from tests.clients.mailbox import Mailbox

FIRST_PASSWORD = "purple-heron-42-lantern"
SECOND_PASSWORD = "nine-quiet-marbles-roll"
THIRD_PASSWORD = "over-the-copper-bridge"
LAST_PASSWORD = "thistle-and-thunder-7"


@dataclass(frozen=True, slots=True)
class Person:
    """A laptop and a telephone, and the mailboxes of one person."""

    laptop: Visitor
    phone: Visitor
    mailbox: Mailbox
    other_mailbox: Mailbox

    @property
    def username(self) -> str:
        return self.mailbox.address.partition("@")[0]


async def register(person: Person) -> None:
    """Without the policy, then with it, twice: the answer is the same."""
    api = person.laptop.api
    policy = (await api.policy()).privacy_policy
    form = AccountRegisterInput(
        name="Ada Example", email=person.mailbox.address, ageBand=AgeBand.ADULT, acceptsPolicyVersion="1066-10-14"
    )
    refused = (await api.register(form)).account_register
    assert refused.status is None
    assert codes(refused.user_errors) == [UserErrorCode.POLICY_NOT_ACCEPTED]
    form.accepts_policy_version = policy.version
    for _ in range(2):
        assert (await api.register(form)).account_register.status == RegistrationStatus.VERIFICATION_SENT


async def verify(person: Person) -> None:
    """With the token from the mail, which a password that is refused does not use up."""
    api = person.laptop.api
    token = await person.mailbox.token("/verify")
    proof = AccountVerifyInput(token=token, password="letmein", username=person.username)
    assert codes((await api.verify(proof)).account_verify.user_errors) == [UserErrorCode.BREACHED_PASSWORD]
    proof.password = FIRST_PASSWORD
    opened = (await api.verify(proof)).account_verify
    assert not opened.user_errors
    assert opened.session is not None
    assert opened.customer is not None
    assert (opened.customer.email, opened.customer.email_verified) == (person.mailbox.address, True)
    person.laptop.carry(opened.session.token)
    assert await person.laptop.kind() == ViewerKind.CUSTOMER
    assert codes((await api.verify(proof)).account_verify.user_errors) == [UserErrorCode.TOKEN_INVALID]


async def describe_oneself(person: Person) -> None:
    """Changes what one may change, and not over somebody else's change."""
    api = person.laptop.api
    me = (await api.me()).me
    assert me is not None
    assert (me.name, me.username, me.has_password) == ("Ada Example", person.username, True)
    changed = (
        await api.update_account(AccountUpdateInput(expectedVersion=me.version, phone="+44 20 7946 0018"))
    ).account_update
    assert not changed.user_errors
    assert changed.customer is not None
    assert (changed.customer.phone, changed.customer.name) == ("+442079460018", "Ada Example")
    stale = AccountUpdateInput(expectedVersion=me.version, name="Somebody Else")
    assert codes((await api.update_account(stale)).account_update.user_errors) == [UserErrorCode.VERSION_CONFLICT]
    taken = AccountUpdateInput(username="eleanor")
    assert codes((await api.update_account(taken)).account_update.user_errors) == [UserErrorCode.TAKEN]


async def say_what_one_likes(person: Person) -> None:
    api = person.laptop.api
    brand = (await api.shelves()).brands[0]
    likes = PreferencesUpdateInput(
        sizes=[SizePreferenceInput(garment="dress", size="M")], brandIds=[brand.id], personalization=False
    )
    saved = (await api.update_preferences(likes)).preferences_update
    assert not saved.user_errors
    assert saved.preferences is not None
    assert [each.slug for each in saved.preferences.brands or []] == [brand.slug]
    me = (await api.me()).me
    assert me is not None
    assert me.preferences is not None
    assert me.preferences.model_dump() == saved.preferences.model_dump()


async def sign_in_on_the_phone(person: Person) -> None:
    """A wrong password and an unknown name are refused alike; then two devices are signed in."""
    refused: list[Refused] = []
    for identifier in (person.mailbox.address, "nobody.at.all@example.com"):
        attempt = SignInInput(identifier=identifier, password="not-the-password")
        refused += (await person.phone.api.sign_in(attempt)).sign_in.user_errors
    assert codes(refused) == [UserErrorCode.INVALID_CREDENTIALS] * 2
    assert refused[0] == refused[1]
    await person.phone.sign_in(
        SignInInput(identifier=person.username, password=FIRST_PASSWORD, deviceName="Telephone", publicComputer=True)
    )
    me = (await person.phone.api.me()).me
    assert me is not None
    assert me.sessions is not None
    newest = me.sessions[0]
    assert (newest.device_name, newest.current, newest.public_computer) == ("Telephone", True, True)
    assert len(me.sessions) == 2


async def step_up(person: Person) -> None:
    """On a public computer, signing in is not enough to change one's address or password."""
    api = person.phone.api
    change = EmailChangeRequestInput(newEmail=person.other_mailbox.address)
    refused = (await api.request_email_change(change)).email_change_request
    assert (refused.accepted, codes(refused.user_errors)) == (False, [UserErrorCode.STEP_UP_REQUIRED])
    password = PasswordChangeInput(currentPassword=FIRST_PASSWORD, newPassword=SECOND_PASSWORD)
    kept = (await api.change_password(password)).password_change
    assert (kept.customer, codes(kept.user_errors)) == (None, [UserErrorCode.STEP_UP_REQUIRED])
    wrong = (await api.step_up(StepUpInput(password="not-the-password"))).step_up
    assert codes(wrong.user_errors) == [UserErrorCode.INVALID_CREDENTIALS]
    until = (await api.step_up(StepUpInput(password=FIRST_PASSWORD))).step_up.valid_until
    assert until is not None
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(minutes=10)
    assert (await api.who_am_i()).viewer.step_up_until == until


async def change_password(person: Person) -> None:
    """Signs out the telephone, at once, and leaves the laptop signed in."""
    api = person.laptop.api
    wrong = PasswordChangeInput(currentPassword="not-the-password", newPassword=SECOND_PASSWORD)
    refused = (await api.change_password(wrong)).password_change
    assert codes(refused.user_errors) == [UserErrorCode.INVALID_CREDENTIALS]
    right = PasswordChangeInput(currentPassword=FIRST_PASSWORD, newPassword=SECOND_PASSWORD)
    changed = (await api.change_password(right)).password_change
    assert not changed.user_errors
    assert changed.customer is not None
    assert await person.phone.kind() == ViewerKind.ANONYMOUS
    assert (await person.phone.api.me()).me is None
    with answered_with("UNAUTHENTICATED"):
        await person.phone.api.revoke_other_sessions()
    assert await person.laptop.kind() == ViewerKind.CUSTOMER
    assert "was changed" in await person.mailbox.letter("password of your account was changed")


async def reset_password(person: Person) -> None:
    """By mail, from the telephone; every device is signed out, and the token is good once."""
    api = person.phone.api
    for address in ("nobody.at.all@example.com", person.mailbox.address):
        request = PasswordResetRequestInput(email=address)
        answer = (await api.request_password_reset(request)).password_reset_request
        assert answer.accepted
        assert not answer.user_errors
    token = await person.mailbox.token("/password-reset")
    reset = PasswordResetInput(token=token, newPassword=THIRD_PASSWORD)
    assert not (await api.reset_password(reset)).password_reset.user_errors
    assert codes((await api.reset_password(reset)).password_reset.user_errors) == [UserErrorCode.TOKEN_INVALID]
    assert await person.laptop.kind() == ViewerKind.ANONYMOUS
    person.laptop.carry(None)
    await person.laptop.sign_in(SignInInput(identifier=person.mailbox.address, password=THIRD_PASSWORD))


async def change_address(person: Person) -> None:
    """Confirmed from the new mailbox, and told to the old one."""
    api = person.laptop.api
    change = EmailChangeRequestInput(newEmail=person.other_mailbox.address)
    assert (await api.request_email_change(change)).email_change_request.accepted
    token = await person.other_mailbox.token("/email-change")
    confirmed = (await api.confirm_email_change(EmailChangeConfirmInput(token=token))).email_change_confirm
    assert not confirmed.user_errors
    assert confirmed.customer is not None
    assert confirmed.customer.email == person.other_mailbox.address


async def take_account_back(person: Person) -> None:
    """From the old mailbox: the address is restored, nobody is signed in, and a new password is chosen there."""
    api = person.phone.api
    undo = EmailChangeUndoInput(token=await person.mailbox.token("/email-change/undo"))
    assert (await api.undo_email_change(undo)).email_change_undo.undone
    assert await person.laptop.kind() == ViewerKind.ANONYMOUS
    for address in (person.mailbox.address, person.other_mailbox.address):
        attempt = SignInInput(identifier=address, password=THIRD_PASSWORD)
        refused = (await api.sign_in(attempt)).sign_in.user_errors
        assert codes(refused) == [UserErrorCode.INVALID_CREDENTIALS]
    token = await person.mailbox.token("/password-reset")
    reset = PasswordResetInput(token=token, newPassword=LAST_PASSWORD)
    assert not (await api.reset_password(reset)).password_reset.user_errors
    person.laptop.carry(None)
    await person.laptop.sign_in(SignInInput(identifier=person.mailbox.address, password=LAST_PASSWORD))
    me = (await person.laptop.api.me()).me
    assert me is not None
    assert me.email == person.mailbox.address


async def end_sessions(person: Person) -> None:
    """One by its id, the others together; a session of somebody else's is none."""
    api = person.laptop.api
    for end in ("one", "all"):
        person.phone.carry(None)
        await person.phone.sign_in(SignInInput(identifier=person.username, password=LAST_PASSWORD))
        me = (await person.phone.api.me()).me
        assert me is not None
        current = next(each for each in me.sessions or [] if each.current)
        if end == "one":
            assert not (await api.revoke_session(current.id)).session_revoke.user_errors
        else:
            assert (await api.revoke_other_sessions()).sessions_revoke_others.revoked_count == 1
        assert await person.phone.kind() == ViewerKind.ANONYMOUS
    refused = (await api.revoke_session("ses_" + "0" * 32)).session_revoke
    assert codes(refused.user_errors) == [UserErrorCode.NOT_FOUND]


async def read_the_activity(person: Person) -> None:
    """Everything that was done above is there, the latest first."""
    kinds: list[AccountEventKind] = []
    after: str | None = None
    while True:
        me = (await person.laptop.api.activity(first=10, after=after)).me
        assert me is not None
        assert me.account_activity is not None
        kinds += [edge.node.kind for edge in me.account_activity.edges]
        after = me.account_activity.page_info.end_cursor
        if not me.account_activity.page_info.has_next_page:
            break
    assert kinds[-1] == AccountEventKind.REGISTERED
    expected = {
        AccountEventKind.SIGNED_IN,
        AccountEventKind.SIGN_IN_FAILED,
        AccountEventKind.STEPPED_UP,
        AccountEventKind.PROFILE_CHANGED,
        AccountEventKind.PASSWORD_CHANGED,
        AccountEventKind.PASSWORD_RESET_REQUESTED,
        AccountEventKind.PASSWORD_RESET,
        AccountEventKind.EMAIL_CHANGE_REQUESTED,
        AccountEventKind.EMAIL_CHANGED,
        AccountEventKind.EMAIL_CHANGE_UNDONE,
        AccountEventKind.SESSION_REVOKED,
    }
    assert expected <= set(kinds)


async def sign_out(person: Person) -> None:
    """A token that was signed out with is nobody's, and there is nothing to sign out a second time."""
    api = person.laptop.api
    assert (await api.sign_out()).sign_out.signed_out
    assert person.laptop.token
    assert await person.laptop.kind() == ViewerKind.ANONYMOUS
    assert (await api.me()).me is None
    assert not (await api.sign_out()).sign_out.signed_out
