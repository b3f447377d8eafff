"""The worker: does what transactions promised, and what comes back with time. Start as many as there is work for."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog

from auth.session_opening import NEW_DEVICE_LETTER
from commerce import (
    account,
    customer,
    email_change,
    enrolment,
    order_letters,
    password,
    payment,
    payment_event,
    product_media,
    reconciling,
    refund_settling,
    registration,
    releasing,
    return_letters,
    second_factor,
    staff_invitation,
    workshop_letters,
)
from commerce.login_session import tell_of_new_device
from commerce.tools import Tools
from gateways.jobs import Handler, Jobs, Periodic
from gateways.leases import backlog, forget_dead
from models.job import JobState
from privacy.retention import sweep

log = structlog.get_logger("worker")

# How long a job that was given up stays to be looked at, and how late one may be before it is told.
DEAD_FOR = timedelta(days=30)
OVERDUE = timedelta(minutes=5)


async def look_after_jobs(tools: Tools) -> None:
    """Forgets jobs given up long ago, and tells of those that nobody does."""
    await tools.database.transact(partial(forget_dead, age=DEAD_FOR))
    for stuck in await tools.database.transact(partial(backlog, overdue=OVERDUE)):
        event = "jobs.dead" if stuck.state == JobState.DEAD else "jobs.late"
        log.warning(event, kind=stuck.kind, count=stuck.count)


HANDLERS: Mapping[str, Handler[Tools]] = {
    NEW_DEVICE_LETTER: tell_of_new_device,
    **registration.HANDLERS,
    **password.HANDLERS,
    **email_change.HANDLERS,
    **customer.HANDLERS,
    **staff_invitation.HANDLERS,
    **second_factor.HANDLERS,
    **enrolment.HANDLERS,
    **payment.HANDLERS,
    **payment_event.HANDLERS,
    **product_media.HANDLERS,
    **workshop_letters.HANDLERS,
    **order_letters.HANDLERS,
    **refund_settling.HANDLERS,
    **return_letters.HANDLERS,
    **releasing.HANDLERS,
}


async def keep_retention(tools: Tools) -> None:
    """Deletes what has had its time."""
    await sweep(tools.database)


PERIODIC: Sequence[Periodic[Tools]] = (
    Periodic("jobs.look_after", timedelta(minutes=10), look_after_jobs),
    *account.PERIODIC,
    *payment_event.PERIODIC,
    *product_media.PERIODIC,
    *reconciling.PERIODIC,
    *refund_settling.PERIODIC,
    Periodic("privacy.retention", timedelta(hours=1), keep_retention),
)


async def work(tools: Tools, stop: asyncio.Event) -> None:
    """Works until `stop` is set, then ends what is begun. PostgreSQL may go away and come back meanwhile."""
    await Jobs(tools.database, tools, HANDLERS, PERIODIC).run(stop)
