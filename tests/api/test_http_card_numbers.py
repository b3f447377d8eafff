"""P4: a request that carries a payment card's number is refused before it is executed, logged or kept."""

from typing import Any

import pytest

from app.http.persisted import PersistedDocuments, digest
from tests.support.edge import Edge, codes, open_edge
from tests.support.log import written_log

CARD = "4111 1111 1111 1111"
SAVE = "mutation ($input: SaveInput!) { save(input: $input) { label } }"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"label": CARD}, "label"),
        ({"note": f"my card is {CARD}, exp 12/27"}, "note"),
        ({"note": int(CARD.replace(" ", ""))}, "note"),
        ({"phone": CARD}, "phone"),
        ({"lines": ["a", CARD]}, "lines.1"),
        ({"inner": {"label": "b", "note": CARD}}, "inner.note"),
    ],
)
async def test_card_number_in_a_variable_is_refused_naming_the_field(edge: Edge, more: dict[str, Any], field: str):
    with written_log() as logged:
        response = await edge.post(SAVE, variables={"input": {"label": "a", **more}})
    [error] = response.json()["errors"]
    assert response.status_code == 400
    assert error["extensions"] == {"code": "CARD_NUMBER_REFUSED", "field": f"variables.input.{field}"}
    assert "4111" not in response.text
    assert edge.engine.saved == []
    assert logged == []


async def test_card_number_in_a_document_is_refused_and_not_kept():
    text = f'mutation {{ save(input: {{ label: "{CARD}" }}) {{ label }} }}'
    persisted = PersistedDocuments(None)
    async with open_edge(persisted=persisted) as edge:
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}
        response = await edge.post(text, extensions=extensions)
        assert (response.status_code, codes(response)) == (400, ["CARD_NUMBER_REFUSED"])
        assert response.json()["errors"][0]["extensions"]["field"] == "query"
        assert edge.engine.saved == []
        assert await persisted.find(digest(text)) is None


async def test_card_number_in_an_address_is_refused(edge: Edge):
    parameters = {"query": "query ($n: String) { hello(name: $n) }", "variables": f'{{"n": "{CARD}"}}'}
    assert codes(await edge.client.get("/graphql", params=parameters)) == ["CARD_NUMBER_REFUSED"]


@pytest.mark.parametrize(
    "more",
    [
        {"phone": "+8613912345678"},
        {"note": "prd_0193a5f04111111111111111a1b2c3d4"},
        {"note": "40000000-0000-4002-a123-000000000000"},
        {"note": "4111 1111 1111 1112"},
    ],
)
async def test_phone_numbers_and_ids_are_no_card_numbers(edge: Edge, more: dict[str, str]):
    response = await edge.post(SAVE, variables={"input": {"label": "a", **more}})
    assert response.json() == {"data": {"save": {"label": "a"}}}
    assert edge.engine.saved == [{"label": "a", **more}]
