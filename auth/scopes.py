"""What keys of partners may do, as `noun:verb`: declared here, so that a new scope is a change that is reviewed."""

SCOPES: dict[str, str] = {
    "reviews:read": "reads the feed of published reviews, and confirms what was deleted",
}
"""Each scope and what it is good for."""
