"""PINs for the till: set by their owner in a session that was just confirmed, kept as a password is."""

from functools import partial

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import pin_rules, sessions
from auth.account_events import ClientFacts, record
from auth.passwords import PasswordHasher
from auth.refusal import Refusal
from auth.viewer import Viewer
from models.account import AccountEventKind
from models.database import Database
from models.till import StaffPin


async def choose(
    database: Database, passwords: PasswordHasher, client: ClientFacts, viewer: Viewer, pin: str
) -> Refusal | None:
    """Sets the viewer's PIN, after a step-up, and ends what they are signed in to at tills by the one before.

    Raises auth.passwords.Busy.
    """
    refused = sessions.require_step_up(viewer) or pin_rules.check(pin)
    if refused is not None:
        return refused
    pin_hash = await passwords.hash(pin)
    await database.transact(partial(_keep, viewer=viewer, pin_hash=pin_hash, client=client))
    return None


async def _keep(transaction: AsyncConnection, viewer: Viewer, pin_hash: str, client: ClientFacts) -> None:
    assert viewer.account_id is not None
    await sessions.lock_account(transaction, viewer.account_id)
    row = upsert(StaffPin).values(account_id=viewer.account_id, pin_hash=pin_hash)
    replaced = {"pin_hash": row.excluded.pin_hash}
    await transaction.execute(row.on_conflict_do_update(index_elements=[StaffPin.account_id], set_=replaced))
    await sessions.revoke_at_tills(transaction, viewer.account_id, keep=viewer.session_id)
    await record(transaction, viewer.account_id, AccountEventKind.PROFILE_CHANGED, client)
