"""Reviews as the public reads them: no path to their author (P48)."""

from datetime import datetime
from enum import StrEnum

import strawberry
from sqlalchemy import ColumnElement, DateTime, Integer, Uuid

from auth.permissions import ANYONE
from models.review import Review, ReviewStatus
from reads.declare import Columns, Key, column, entity, value
from schema.common import PageInfo, word


@strawberry.enum
class ReviewSort(StrEnum):
    NEWEST = "NEWEST"
    HELPFUL = "HELPFUL"
    RATING_HIGH = "RATING_HIGH"
    RATING_LOW = "RATING_LOW"


NEWEST_FIRST = Key(lambda review, given: review.published_at, DateTime(timezone=True), descending=True)
ID_DOWN = Key(lambda review, given: review.id, Uuid(), descending=True)

REVIEW_SORTS = {
    ReviewSort.NEWEST: (NEWEST_FIRST, ID_DOWN),
    ReviewSort.HELPFUL: (Key(lambda review, given: review.helpful_count, Integer(), descending=True), ID_DOWN),
    ReviewSort.RATING_HIGH: (Key(lambda review, given: review.rating, Integer(), descending=True), ID_DOWN),
    ReviewSort.RATING_LOW: (
        Key(lambda review, given: review.rating, Integer()),
        Key(lambda review, given: review.id, Uuid()),
    ),
}


def published(review: Columns) -> ColumnElement[bool]:
    return review.status == word(ReviewStatus.PUBLISHED)


@entity(Review, prefix="rev", readers=ANYONE)
class PublicReview:
    """A published review. It has no edge towards a person."""

    id: strawberry.ID
    rating: int
    title: str | None
    body: str | None
    verified_purchase: bool
    incentivised: bool
    published_at: datetime = column(lambda review: review.published_at, nullable=False)
    helpful_count: int


@value(readers=ANYONE)
class PublicReviewEdge:
    cursor: str
    node: PublicReview


@value(readers=ANYONE)
class PublicReviewConnection:
    edges: list[PublicReviewEdge]
    page_info: PageInfo
