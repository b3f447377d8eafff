"""Work that was promised in a transaction and is done after it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Uuid, text
from sqlalchemy.orm import Mapped

from models.base import Base, choice, column, key, moment, number, recorded_at, string
from models.classification import NotPersonal

WAITING_ONLY = text("state = 'WAITING'")


class JobState(StrEnum):
    """WAITING until `due_at`, RUNNING while a worker's lease lasts, DEAD when the worker has given up."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DEAD = "DEAD"


class QueuedJob(Base):
    """A job not yet done: it goes when it is. It names what to do and to which row, never a value of a person.

    `due_at` is when a worker may take it: the planned time while it waits, the end of the lease while it runs. So a job
    whose worker was killed is due again by itself.
    """

    __tablename__ = "job"
    id: Mapped[UUID] = key()
    kind: Mapped[str] = string(NotPersonal("names a handler of the program"))
    subject_id: Mapped[UUID] = column(NotPersonal("a random key of the row the job is about"), Uuid)
    dedupe: Mapped[str | None] = string(NotPersonal("a key that the program makes; its form admits no mail address"))
    state: Mapped[JobState] = choice(
        NotPersonal("how far the job has come"), JobState, "state", server_default=text("'WAITING'")
    )
    due_at: Mapped[datetime] = moment(NotPersonal("when a worker may take the job"), server_default=text("now()"))
    attempts: Mapped[int] = number(NotPersonal("counts how often it was begun"), server_default=text("0"))
    holder: Mapped[UUID | None] = column(NotPersonal("a random key of the worker's process"), Uuid)
    fault: Mapped[str | None] = string(NotPersonal("an error's class and line, never its message"))
    created_at: Mapped[datetime] = recorded_at()

    __table_args__ = (
        CheckConstraint("kind ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$'", name="kind"),
        CheckConstraint("dedupe ~ '^[A-Za-z0-9_.:-]{1,120}$'", name="dedupe"),
        CheckConstraint("(state = 'RUNNING') = (holder IS NOT NULL)", name="holder"),
        Index("ix_job_due_at", "due_at", postgresql_where=text("state <> 'DEAD'")),
        Index("uq_job_dedupe", "kind", "dedupe", unique=True, postgresql_where=WAITING_ONLY),
    )
