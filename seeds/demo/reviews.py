"""What customers say of what they bought."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from models.account import AgeBand
from models.ids import new_id
from models.order import OrderStatus
from models.review import Review, ReviewStatus
from seeds.course import course_of
from seeds.demo import data
from seeds.demo.catalogue import Goods
from seeds.people import Person
from seeds.purchases import Purchase
from seeds.ratings import Tally
from seeds.rows import Rows


@dataclass(frozen=True, slots=True)
class Opinion:
    """A review as it is written down; stars alone have neither title nor body."""

    rating: int
    title: str | None = None
    body: str | None = None
    status: ReviewStatus = ReviewStatus.PUBLISHED


class Reviewers:
    """Finds who says it: those who have the product first, and nobody twice."""

    def __init__(self, people: Sequence[Person], purchases: Sequence[Purchase], now: datetime, random: Random) -> None:
        self._people = [person for person in people if person.age_band is AgeBand.ADULT]
        self._now = now
        self._random = random
        self._bought: defaultdict[UUID, dict[UUID, datetime]] = defaultdict(dict)
        for purchase in purchases:
            if purchase.status is OrderStatus.DELIVERED and purchase.buyer is not None:
                delivered_at = course_of(purchase, now).delivered_at
                assert delivered_at is not None
                for line in purchase.lines:
                    self._bought[line.item.product_id].setdefault(purchase.buyer.id, delivered_at)

    def of(self, goods: Goods) -> Iterator[tuple[Person, datetime, bool]]:
        """Authors of reviews of a product, when they wrote, and whether they had bought it here."""
        bought = self._bought[goods.id]
        people = self._random.sample(self._people, len(self._people))
        for person in sorted(people, key=lambda person: person.id not in bought):
            since = bought.get(person.id) or max(person.created_at, goods.created_at)
            yield person, self._moment(since), person.id in bought

    def _moment(self, since: datetime) -> datetime:
        """Some days after, and not in the future."""
        latest = self._now - timedelta(days=1)
        since = min(since, latest)
        return since + self._random.random() * min(latest - since, timedelta(days=50))


def add_reviews(rows: Rows, stock: Sequence[Goods], reviewers: Reviewers, random: Random) -> dict[UUID, Tally]:
    """Adds all reviews and answers the summary of the published ones by product."""
    unpublished = _unpublished()
    tallies = {goods.id: Tally() for goods in stock}
    for goods in stock:
        opinions = [*_opinions(goods, random), *unpublished[goods.text["slug"]]]
        for opinion, (author, written_at, verified) in zip(opinions, reviewers.of(goods), strict=False):
            _add_review(rows, goods.id, opinion, (author, written_at, verified), random)
            if opinion.status is ReviewStatus.PUBLISHED:
                tallies[goods.id].add(opinion.rating, verified=verified)
    return tallies


def _opinions(goods: Goods, random: Random) -> list[Opinion]:
    """What is written of it, and stars of the same tenor."""
    written = [Opinion(rating, title, body) for rating, title, body in goods.text["reviews"]]
    stars = [Opinion(min(5, opinion.rating + random.randint(0, 1))) for opinion in written if random.random() < 0.7]
    return [*written, *stars]


def _unpublished() -> Mapping[str, list[Opinion]]:
    found: defaultdict[str, list[Opinion]] = defaultdict(list)
    for entry in data.read("unpublished")["review"]:
        opinion = Opinion(entry["rating"], entry["title"], entry["body"], ReviewStatus(entry["status"]))
        found[entry["product"]].append(opinion)
    return found


def _add_review(
    rows: Rows, product_id: UUID, opinion: Opinion, author: tuple[Person, datetime, bool], random: Random
) -> None:
    person, written_at, verified = author
    published = opinion.status is ReviewStatus.PUBLISHED
    rows.add(
        Review,
        id=new_id(),
        product_id=product_id,
        account_id=person.id,
        channel=person.channel,
        created_at=written_at,
        status=opinion.status,
        published_at=written_at + timedelta(hours=random.randint(1, 20)) if published else None,
        rating=opinion.rating,
        title=opinion.title,
        body=opinion.body,
        verified_purchase=verified,
        incentivised=published and random.random() < 0.05,
        helpful_count=random.choice((0, 0, 1, 2, 3, 5, 9, 14)) if opinion.body and published else 0,
    )
