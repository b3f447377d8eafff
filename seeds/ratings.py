"""The summary of a product's published reviews."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts published reviews as `Product.rating_*` keeps them."""

    histogram: list[int] = field(default_factory=lambda: [0] * 5)
    verified: int = 0

    def add(self, rating: int, *, verified: bool) -> None:
        self.histogram[rating - 1] += 1
        self.verified += verified

    def columns(self) -> dict[str, int | list[int]]:
        return {
            "rating_count": sum(self.histogram),
            "rating_sum": sum(stars * count for stars, count in enumerate(self.histogram, start=1)),
            "rating_verified": self.verified,
            "rating_histogram": self.histogram,
        }
