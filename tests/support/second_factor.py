"""Second factors of accounts, and sign-ins that wait for them, for tests of rules."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from auth import sessions, totp
from auth.passkeys import RelyingParty
from auth.passwords import PasswordHasher
from auth.sealing import Sealer
from auth.viewer import Viewer
from commerce import enrolment, login_session
from commerce.challenge import Challenged
from commerce.enrolment import Confirmed, NewApp
from commerce.login_session import Completed, SignIn
from commerce.second_factor import SEEDS, Answer, Verifier
from models.database import Database
from models.second_factor import Challenge
from models.staff import StaffMember
from tests.support.authenticator import Browser
from tests.support.login_session import LAPTOP, PASSWORD, email_of

SHOP = RelyingParty("shop.example", "https://shop.example", "Layette")
VERIFIER = Verifier(Sealer(b"a secret of the tests, 32 or longer", SEEDS), SHOP)


class Clock:
    """What time step it is for authenticator apps and for the shop."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self) -> int:
        return self.step


@dataclass(frozen=True)
class App:
    """Somebody's authenticator app, enrolled and confirmed."""

    id: UUID
    seed: str
    codes: tuple[str, ...] | None

    def code(self, off: int = 0) -> str:
        """What it shows now, or so many steps later."""
        return totp.code_of(self.seed, totp.current_step() + off)

    def answer(self, off: int = 0) -> Answer:
        return Answer(totp_code=self.code(off))


async def fresh_viewer(database: Database, account_id: UUID, **given: Any) -> Viewer:
    """The viewer of a new session, which counts as a step-up."""
    return (await database.transact(lambda t: sessions.issue(t, account_id, LAPTOP, **given))).viewer


async def begun(database: Database, viewer: Viewer) -> NewApp:
    """An app that is set up and not confirmed."""
    app = await database.transact(lambda t: enrolment.enroll_app(t, VERIFIER, viewer, LAPTOP))
    assert isinstance(app, NewApp), app
    return app


async def with_app(database: Database, clock: Clock, viewer: Viewer, label: str | None = None) -> App:
    """Enrols an app, whose code for the time step before was the one that confirmed it."""
    new = await begun(database, viewer)
    code = totp.code_of(new.seed, clock.step - 1)
    confirmed = await database.transact(lambda t: enrolment.confirm_app(t, VERIFIER, viewer, code, label, LAPTOP))
    assert isinstance(confirmed, Confirmed), confirmed
    return App(confirmed.factor_id, new.seed, confirmed.codes)


async def with_passkey(database: Database, viewer: Viewer, browser: Browser, label: str | None = None) -> Confirmed:
    """Enrols a passkey of the browser."""
    options = await database.transact(lambda t: enrolment.enroll_passkey(t, VERIFIER, viewer, LAPTOP))
    assert isinstance(options, str), options
    made = browser.create(options)
    confirmed = await database.transact(lambda t: enrolment.confirm_passkey(t, VERIFIER, viewer, made, label, LAPTOP))
    assert isinstance(confirmed, Confirmed), confirmed
    return confirmed


async def challenged(
    database: Database, passwords: PasswordHasher, whose: UUID | str, client: Any = LAPTOP, **given: Any
) -> Challenged:
    """A sign-in with the right password, which waits."""
    identifier = whose if isinstance(whose, str) else email_of(whose)
    outcome = await login_session.sign_in(database, passwords, client, SignIn(identifier, PASSWORD, **given))
    assert isinstance(outcome, Challenged), outcome
    return outcome


async def completed(database: Database, token: str, answer: Answer, client: Any = LAPTOP, **given: Any) -> Any:
    """What comes of the answer: Completed or Refusal."""
    return await database.transact(lambda t: login_session.complete(t, VERIFIER, client, token, answer, **given))


async def signs_in(database: Database, passwords: PasswordHasher, account_id: UUID, answer: Answer) -> bool:
    """Whether the password and this second factor open a session."""
    waiting = await challenged(database, passwords, account_id)
    return isinstance(await completed(database, waiting.token, answer), Completed)


async def stamp_of(transaction: Any, account_id: UUID) -> int:
    return (
        await transaction.execute(select(StaffMember.access_stamp).where(StaffMember.account_id == account_id))
    ).scalar_one()


async def age_challenges(transaction: Any, **values: Any) -> None:
    """Writes columns of all challenges past all rules."""
    await transaction.execute(update(Challenge).values(**values))
