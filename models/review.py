"""Reviews. The author is a link of its own that nothing public reads (P48)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped

from models.base import (
    Base,
    channel,
    choice,
    column,
    flag,
    key,
    moment,
    number,
    recorded_at,
    reference,
    string,
    version,
)
from models.classification import Channel, Erasure, NotPersonal, Personal, Purpose

OPINION = Personal(
    "user.content.public",
    purposes=frozenset({Purpose.PRODUCTS}),
    retention="review",
    erasure=Erasure.CLEAR,
    sensitivity=1,
)
PUBLIC_FACT = NotPersonal("part of an aggregate, published without attribution")


class ReviewStatus(StrEnum):
    PENDING = "PENDING"
    PUBLISHED = "PUBLISHED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    ERASED = "ERASED"


class Review(Base):
    __tablename__ = "review"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    product_id: Mapped[UUID] = reference("product.id", index=False, ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference(
        "account.id", what=OPINION.but("user.unique_id", erasure=Erasure.UNLINK), ondelete="SET NULL"
    )
    channel: Mapped[Channel] = channel()
    created_at: Mapped[datetime] = recorded_at(OPINION)
    status: Mapped[ReviewStatus] = choice(NotPersonal("a state of moderation"), ReviewStatus, "status")
    published_at: Mapped[datetime | None] = moment(PUBLIC_FACT)
    rating: Mapped[int] = column(PUBLIC_FACT, SmallInteger, CheckConstraint("rating BETWEEN 1 AND 5", name="rating"))
    title: Mapped[str | None] = string(OPINION)
    body: Mapped[str | None] = string(OPINION)
    verified_purchase: Mapped[bool] = flag(PUBLIC_FACT, default=False)
    incentivised: Mapped[bool] = flag(PUBLIC_FACT, default=False)
    helpful_count: Mapped[int] = number(PUBLIC_FACT, server_default=text("0"))

    __table_args__ = (
        Index("uq_review_author", "product_id", "account_id", unique=True),
        CheckConstraint("(status = 'PUBLISHED') <= (published_at IS NOT NULL)", name="published"),
        *(
            Index(f"ix_review_{name}", "product_id", *columns, postgresql_where=text("status = 'PUBLISHED'"))
            for name, columns in (
                ("newest", ("published_at", "id")),
                ("helpful", ("helpful_count", "id")),
                ("rating", ("rating", "id")),
            )
        ),
    )
