"""P4: wherever the API takes text, a payment card's number in it is refused, and the field is named."""

import copy
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLField

from resolvers.root import core_schema
from tests.support import inputs
from tests.support.log import written_log
from tests.support.shop import Shop

CARD = "4111 1111\u00a01111-1111"
FREE = "an id"
Path = tuple[str | int, ...]

NEW = {
    "cartLinesAdd.giftMessage",
    "orderPlace.gatewayToken",
    "orderPlace.idempotencyKey",
    "paymentMethodAdd.gatewayToken",
    "returnRequestCreate.note",
    "returnRequestDecide.message",
    "stockAdjust.note",
    "alterationUpdate.workshopNote",
    "measurementSetSave.label",
    "orderFulfill.trackingNumber",
    "orderPlaceInStore.gatewayToken",
}
"""Some that must be among them."""


def fields(kind: str) -> dict[str, GraphQLField]:
    """The root fields, but for those that take a file, which have no text."""
    found = getattr(core_schema(), f"{kind}_type").fields
    files = {name for name, field in found.items() if any("Upload" in str(one.type) for one in field.args.values())}
    return {name: field for name, field in found.items() if name not in files}


def texts(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where the generated input has text that is free: words of enums, numbers and times are none."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, (*path, name))
    elif value in {inputs.WORDS["String"], inputs.KNOWN["email"], inputs.KNOWN["countryCode"], FREE}:
        yield path


def put(value: Any, path: Path, text: str) -> Any:
    changed = copy.deepcopy(value)
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = text
    return changed


async def test_every_text_of_every_mutation_is_looked_at(shop: Shop):
    looked_at: set[str] = set()
    with written_log() as logged:
        for name, field in fields("mutation").items():
            given = inputs.variables(field, lambda _: FREE, everything=True)
            for path in texts(given):
                body = {"query": inputs.operation(name, field), "variables": put(given, path, f"card {CARD}.")}
                answer = (await shop.client.post("/graphql", json=body)).json()
                assert "errors" not in answer, (name, path, answer)
                errors = answer["data"][name]["userErrors"]
                assert errors == [{"code": "CARD_NUMBER_REFUSED", "field": [*map(str, path[1:])]}], (name, path)
                looked_at.add(f"{name}.{path[-1]}")
    assert logged == []
    assert len(looked_at) > 100
    assert looked_at >= NEW


async def test_every_text_of_every_query_is_looked_at(shop: Shop):
    looked_at = 0
    for name, field in fields("query").items():
        for argument, one in field.args.items():
            if str(one.type).rstrip("!") in {"String", "ID"}:
                query = f"query ($given: {one.type}) {{ {name}({argument}: $given) {{ __typename }} }}"
                [error] = (await shop.ask(query, given=CARD))["errors"]
                found = (error["extensions"]["code"], error["extensions"]["field"])
                assert found == ("CARD_NUMBER_REFUSED", "variables.given"), name
                looked_at += 1
    assert looked_at > 10


async def test_phone_number_is_taken_wherever_it_is_given(shop: Shop):
    """One in ten phone numbers adds up as a card's number does."""
    phone = "+4915107049996"
    given = {"input": {"phone": phone}}
    for query, variables in (
        ("mutation ($input: AccountUpdateInput!) { accountUpdate(input: $input) { userErrors { code } } }", given),
        (f'mutation {{ accountUpdate(input: {{phone: "{phone}"}}) {{ userErrors {{ code }} }} }}', {}),
        (f'{{ customerByContact(contact: "{phone}") {{ id }} }}', {}),
    ):
        answer = (await shop.client.post("/graphql", json={"query": query, "variables": variables})).json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"], query
    for query in (
        f'mutation {{ accountUpdate(input: {{name: "{phone}"}}) {{ userErrors {{ code }} }} }}',
        f'mutation {{ accountUpdate(input: {{phone: "{phone}"}}) {{ userErrors {{ code }} }} }} # {phone}',
    ):
        answer = (await shop.client.post("/graphql", json={"query": query})).json()
        assert answer["data"]["accountUpdate"]["userErrors"] == [{"code": "CARD_NUMBER_REFUSED"}]
