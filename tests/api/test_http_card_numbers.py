"""P4: a request that carries a payment card's number is refused before it is executed, logged or kept."""

from typing import Any

import pytest

from app.http.persisted import PersistedDocuments, digest
from tests.support.edge import Edge, codes, open_edge
from tests.support.log import written_log

CARD = "4111 1111 1111 1111"
SAVE = "mutation ($input: SaveInput!) { save(input: $input) { label userErrors { code field message } } }"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"label": CARD}, ["label"]),
        ({"note": f"my card is {CARD}, exp 12/27"}, ["note"]),
        ({"phone": CARD}, ["phone"]),
        ({"lines": ["a", CARD]}, ["lines", "1"]),
        ({"inner": {"label": "b", "note": CARD}}, ["inner", "note"]),
    ],
)
async def test_card_number_for_a_mutation_is_a_user_error_that_names_the_field(
    edge: Edge, more: dict[str, Any], field: list[str]
):
    with written_log() as logged:
        response = await edge.post(SAVE, variables={"input": {"label": "a", **more}})
    assert response.status_code == 200
    [error] = response.json()["data"]["save"]["userErrors"]
    assert (error["code"], error["field"]) == ("CARD_NUMBER_REFUSED", field)
    assert response.json()["data"]["save"]["label"] is None
    assert "4111" not in response.text
    assert edge.engine.saved == []
    assert list(logged) == []


async def test_refused_mutation_answers_its_own_selection(edge: Edge):
    query = """
      mutation ($label: String!, $no: Boolean!) {
        first: save(input: { label: $label }) { __typename done times lines errors: userErrors { code field } }
        second: save(input: { label: "b" }) { ...Saved label @include(if: $no) }
      }
      fragment Saved on Saved { userErrors { message } }
    """
    response = await edge.post(query, variables={"label": CARD, "no": False})
    data = response.json()["data"]
    assert data["first"] == {
        "__typename": "Saved",
        "done": False,
        "times": 0,
        "lines": [],
        "errors": [{"code": "CARD_NUMBER_REFUSED", "field": ["label"]}],
    }
    assert list(data["second"]) == ["userErrors"]
    assert edge.engine.saved == []


async def test_mutation_that_has_no_user_errors_gets_a_top_level_error(edge: Edge):
    response = await edge.post("mutation ($s: String!) { shout(text: $s) }", variables={"s": CARD})
    assert (response.status_code, codes(response)) == (400, ["CARD_NUMBER_REFUSED"])
    assert response.json()["errors"][0]["extensions"]["field"] == "variables.s"


async def test_query_with_a_card_number_gets_a_top_level_error(edge: Edge):
    query = "query ($filter: Filter) { product(filter: $filter) { name } }"
    response = await edge.post(query, variables={"filter": {"and": [{"text": CARD}]}})
    assert (response.status_code, codes(response)) == (400, ["CARD_NUMBER_REFUSED"])
    assert response.json()["errors"][0]["extensions"]["field"] == "variables.filter.and.0.text"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (f'label: "{CARD}"', ["label"]),
        (f'label: "a", inner: {{ label: "b", lines: ["{CARD}"] }}', ["inner", "lines"]),
        (f'label: "a" # {CARD}\n', []),
    ],
)
async def test_card_number_in_a_document_is_refused_and_not_kept(arguments: str, field: list[str]):
    text = f"mutation {{ save(input: {{ {arguments} }}) {{ userErrors {{ code field }} }} }}"
    persisted = PersistedDocuments(None)
    async with open_edge(persisted=persisted) as edge:
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}
        response = await edge.post(text, extensions=extensions)
        assert response.json()["data"]["save"]["userErrors"] == [{"code": "CARD_NUMBER_REFUSED", "field": field}]
        assert edge.engine.saved == []
        assert edge.engine.prepared == {}
        assert await persisted.find(digest(text)) is None


async def test_document_with_a_card_number_that_is_not_valid_is_refused_all_the_same(edge: Edge):
    response = await edge.post(f'mutation {{ save(inptu: {{ label: "{CARD}" }}) {{ label }} }}')
    assert (response.status_code, codes(response)) == (400, ["CARD_NUMBER_REFUSED"])
    assert "4111" not in response.text


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
    assert response.json() == {"data": {"save": {"label": "a", "userErrors": []}}}
    assert edge.engine.saved == [{"label": "a", **more}]


async def test_card_number_given_as_a_number_is_refused(edge: Edge):
    variables = {"input": {"label": "a", "note": int(CARD.replace(" ", ""))}}
    response = await edge.post(SAVE, variables=variables)
    assert (response.status_code, codes(response)) == (400, ["CARD_NUMBER_REFUSED"])
