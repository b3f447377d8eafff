"""What an order asks of the tailor."""

from datetime import date

from commerce.alteration import Commission, Piece, Work, rows
from models.alteration import AlterationStatus
from models.catalogue import AlterationKind, CurrencyCode
from models.classification import Channel
from models.ids import new_id

HEM = Work(AlterationKind.HEM, "5 cm shorter", 1200, 4)
SLEEVES = Work(AlterationKind.SHORTEN_SLEEVES, None, 900, 3)


def commission() -> Commission:
    return Commission(new_id(), new_id(), Channel.WEB, CurrencyCode.EUR, date(2026, 11, 28))


def test_each_work_on_a_line_is_a_row_of_its_own_with_its_price_and_day() -> None:
    order, line = commission(), new_id()
    hem, sleeves = rows(order, [Piece(line, 2, custom_made=False, work=(HEM, SLEEVES))])
    assert {k: v for k, v in hem.items() if k not in {"id", "ticket"}} == {
        "order_id": order.order_id,
        "order_line_id": line,
        "account_id": order.account_id,
        "channel": Channel.WEB,
        "kind": AlterationKind.HEM,
        "status": AlterationStatus.REQUESTED,
        "price": 1200,
        "currency": CurrencyCode.EUR,
        "quantity": 2,
        "due_on": date(2026, 12, 2),
        "note": "5 cm shorter",
    }
    assert (sleeves["kind"], sleeves["due_on"], sleeves["note"]) == (
        AlterationKind.SHORTEN_SLEEVES,
        date(2026, 12, 1),
        None,
    )
    assert hem["ticket"] != sleeves["ticket"]
    assert hem["ticket"].startswith("T-")


def test_line_made_to_measure_is_made_before_it_is_altered() -> None:
    making, hem = rows(commission(), [Piece(new_id(), 1, custom_made=True, work=(HEM,))])
    assert (making["kind"], making["price"], making["due_on"]) == (
        AlterationKind.MADE_TO_MEASURE,
        0,
        date(2026, 12, 19),
    )
    assert (hem["kind"], hem["price"], hem["due_on"]) == (AlterationKind.HEM, 1200, date(2026, 12, 23))


def test_line_that_asks_for_nothing_has_no_row() -> None:
    assert rows(commission(), [Piece(new_id(), 3, custom_made=False)]) == []
