"""What is measured: three documents of a web frontend, and SQL written by hand that gives the same bytes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Case:
    """`name` also names the bare route and its SQL. `goal`: the part of its throughput that is to be reached.

    `variables` are those that are sent in turn, where it is not the shop or the callers who differ.
    """

    name: str
    title: str
    goal: float
    variables: tuple[dict[str, Any], ...]
    document: str

    @property
    def sql(self) -> str:
        """The statement of the bare route, written by hand."""
        return (SQL / f"{self.name}.sql").read_text()


CATALOGUE = Case(
    "catalogue",
    "catalogue page: 20 to 28 × (4 variants + 3 reviews)",
    0.75,
    tuple({"first": first} for first in range(20, 29)),
    """query Catalogue($first: Int!) {
  products(first: $first) {
    edges { cursor node {
      id slug name available
      variants { id sku size available price { amount currencyCode } }
      reviews(first: 3) { edges { node { id rating title body publishedAt } } }
    } }
    pageInfo { hasNextPage endCursor }
  }
}""",
)

DETAIL = Case(
    "detail",
    "product detail: 4 variants, 9 or 10 reviews",
    0.90,
    ({},),
    """query Detail($slug: String!) {
  product(slug: $slug) {
    id slug name description careInstructions audience
    brand { slug name }
    rating { average count }
    variants { id sku size color available price { amount currencyCode } }
    reviews(first: 10) { edges { node { id rating title body publishedAt helpfulCount } } }
  }
}""",
)

ME = Case(
    "me",
    "me: 2 addresses, 5 orders × 2 lines",
    0.80,
    ({},),
    """query Me {
  me {
    id name email
    addresses { id label recipientName line1 line2 city region postalCode countryCode }
    orders(first: 5) { edges { node {
      id number placedAt status total { amount currencyCode }
      lines { id sku productName quantity unitPrice { amount currencyCode } }
    } } }
  }
}""",
)

CASES = (CATALOGUE, DETAIL, ME)
