"""What inputs are made of."""

from typing import Any

import strawberry


def given(input: Any) -> dict[str, Any]:
    """The input's fields that the client sent, by Python name."""
    return {name: found for name, found in vars(input).items() if found is not strawberry.UNSET}
