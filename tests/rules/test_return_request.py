"""Returns: asked for, decided, given up; what they would pay back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from auth.refusal import RefusalCode
from auth.viewer import Viewer
from commerce import return_request
from commerce.refund_worth import Worth
from commerce.return_draft import LineDraft, quoted
from commerce.return_request import NO_ORDER, NOT_FOUND, Draft
from models.catalogue import CurrencyCode, Product, VariantPrice
from models.classification import Channel
from models.ids import new_id
from models.order import OrderEvent, OrderEventKind
from models.return_request import ReturnLine, ReturnReason, ReturnRequest, ReturnStatus
from tests.support.account import Post, rows
from tests.support.database import RolledBackDatabase
from tests.support.login_session import account_with
from tests.support.returns import Bought, Sold, clerk, customer_of, other_size, row_of, sold
from tests.support.selling import variant

Why = ReturnReason
REQUESTED, APPROVED, DECLINED = ReturnStatus.REQUESTED, ReturnStatus.APPROVED, ReturnStatus.DECLINED
WRITER = "return:write"


@pytest.fixture
async def owner(database: RolledBackDatabase) -> UUID:
    return await account_with(database.connection, None)


@pytest.fixture
async def order(database: RolledBackDatabase, owner: UUID) -> Sold:
    """Three dresses at 10.00 and a hat at 20.00, 7.00 for shipping, ten percent tax: 62.70, delivered yesterday."""
    return await sold(database.connection, owner, [Bought(3, 1000), Bought(1, 2000)], shipping=700)


def line(
    order: Sold, count: int = 1, reason: ReturnReason = Why.TOO_SMALL, *, at: int = 0, exchange: UUID | None = None
) -> LineDraft:
    return LineDraft(order.lines[at], count, reason, exchange is not None, exchange)


async def asked(
    database: RolledBackDatabase, viewer: Viewer, order: Sold, *lines: LineDraft, note: str | None = None
) -> Any:
    draft = Draft(order.id, lines or (line(order),), note)
    return await return_request.create(database.connection, viewer, Channel.WEB, draft)


async def made(database: RolledBackDatabase, order: Sold, *lines: LineDraft, note: str | None = None) -> UUID:
    key = await asked(database, customer_of(order.account_id), order, *lines, note=note)
    assert isinstance(key, UUID), key
    return key


async def status_of(database: RolledBackDatabase, key: UUID) -> ReturnStatus:
    return ReturnStatus((await row_of(database.connection, ReturnRequest, key)).status)


async def code_of(outcome: Any) -> RefusalCode:
    assert isinstance(outcome, list), outcome
    return outcome[0].code


# ---- asked for


async def test_return_is_written_with_its_lines_and_told_in_the_timeline(database: RolledBackDatabase, order: Sold):
    key = await made(database, order, line(order, 2), line(order, at=1, reason=Why.OTHER), note="Too  tight.\n")
    row = await row_of(database.connection, ReturnRequest, key)
    assert (row.order_id, row.account_id, row.status, row.note) == (order.id, order.account_id, REQUESTED, "Too tight.")
    assert row.rma.startswith("R-")
    assert [(one.order_line_id, one.quantity) for one in await rows(database.connection, ReturnLine)] == [
        (order.lines[0], 2),
        (order.lines[1], 1),
    ]
    told = select(OrderEvent.kind, OrderEvent.return_request_id).order_by(OrderEvent.id.desc()).limit(1)
    assert (await database.connection.execute(told)).one() == (OrderEventKind.RETURN_REQUESTED, key)


async def test_what_the_rules_trust_is_approved_at_once_and_told(database: RolledBackDatabase, order: Sold):
    key = await made(database, order)
    assert await status_of(database, key) is APPROVED
    [letter] = await Post(database).deliver()
    assert letter.to == "ana@example.com"
    assert letter.subject.endswith("is approved")


async def test_whoever_returns_often_is_looked_at(database: RolledBackDatabase, order: Sold):
    keys = [await made(database, order) for _ in range(3)]
    assert {await status_of(database, key) for key in keys} == {APPROVED}
    assert await status_of(database, await made(database, order, line(order, at=1))) is REQUESTED


async def test_what_staff_ask_for_is_approved(database: RolledBackDatabase, order: Sold):
    key = await asked(database, clerk(WRITER), order, line(order, reason=Why.DAMAGED))
    assert await status_of(database, key) is APPROVED
    assert (await row_of(database.connection, ReturnRequest, key)).account_id == order.account_id


@pytest.mark.parametrize("viewer", [customer_of(new_id()), clerk("return:read", "order:write"), Viewer()])
async def test_order_of_somebody_else_is_not_found(database: RolledBackDatabase, order: Sold, viewer: Viewer):
    assert await asked(database, viewer, order) == [NO_ORDER]
    assert await rows(database.connection, ReturnRequest) == []


async def test_order_without_a_customer_is_nobodys_to_return_but_the_shops(database: RolledBackDatabase):
    order = await sold(database.connection, None)
    assert await asked(database, Viewer(), order) == [NO_ORDER]
    assert isinstance(await asked(database, clerk(WRITER), order), UUID)


async def test_units_that_are_asked_for_are_not_returnable_again(database: RolledBackDatabase, order: Sold):
    await made(database, order, line(order, 2))
    outcome = await asked(database, customer_of(order.account_id), order, line(order, 2))
    assert await code_of(outcome) is RefusalCode.NOT_RETURNABLE
    assert "no more than 1" in outcome[0].message
    await made(database, order, line(order, 1))
    outcome = await asked(database, customer_of(order.account_id), order, line(order, 1))
    assert "was returned, or is about to be" in outcome[0].message


async def test_line_that_is_there_twice_counts_twice(database: RolledBackDatabase, order: Sold):
    outcome = await asked(database, customer_of(order.account_id), order, line(order, 2), line(order, 2, Why.DAMAGED))
    assert (outcome[0].code, outcome[0].field) == (RefusalCode.NOT_RETURNABLE, ("lines", "1", "quantity"))


async def test_what_is_not_eligible_says_why(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(custom_made=True)])
    outcome = await asked(database, customer_of(owner), order)
    assert await code_of(outcome) is RefusalCode.NOT_RETURNABLE
    assert "made to measure" in outcome[0].message


async def test_unknown_lines_are_not_found_before_anything_else(database: RolledBackDatabase, order: Sold):
    unknown = LineDraft(new_id(), 0, Why.OTHER)
    outcome = await asked(database, customer_of(order.account_id), order, line(order, 0), unknown, note="x" * 2000)
    assert [(one.code, one.field) for one in outcome] == [(RefusalCode.NOT_FOUND, ("lines", "1", "orderLineId"))]


async def test_no_lines_no_pieces_and_long_notes_are_refused(database: RolledBackDatabase, order: Sold):
    viewer = customer_of(order.account_id)
    empty = await return_request.create(database.connection, viewer, Channel.WEB, Draft(order.id, ()))
    assert await code_of(empty) is RefusalCode.REQUIRED
    many = await asked(database, viewer, order, *([line(order)] * 101))
    assert await code_of(many) is RefusalCode.LIMIT_REACHED
    assert await code_of(await asked(database, viewer, order, line(order, 0))) is RefusalCode.INVALID
    assert await code_of(await asked(database, viewer, order, note="x" * 1001)) is RefusalCode.TOO_LONG


# ---- for another


async def test_another_size_at_the_same_price_may_be_wanted_instead(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner)
    key = await made(database, order, line(order, exchange=await other_size(database.connection, order)))
    [row] = await rows(database.connection, ReturnLine)
    assert (row.return_request_id, row.exchange_variant_id is not None) == (key, True)


async def test_price_that_moved_for_both_sizes_does_not_keep_from_exchanging(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(price=1500)])
    large = await other_size(database.connection, order, price=1700)
    [refused] = await asked(database, customer_of(owner), order, line(order, exchange=large))
    assert refused.code is RefusalCode.INVALID
    await database.connection.execute(update(VariantPrice).values(price=1700))
    assert isinstance(await made(database, order, line(order, exchange=large)), UUID)


async def test_what_is_unlike_or_gone_is_refused(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2)])
    large = await other_size(database.connection, order, on_hand=1)
    viewer, connection = customer_of(owner), database.connection

    async def code(count: int, key: UUID) -> RefusalCode:
        return await code_of(await asked(database, viewer, order, line(order, count, exchange=key)))

    assert await code(1, new_id()) is RefusalCode.NOT_FOUND
    assert await code(1, order.variant_ids[0]) is RefusalCode.INVALID
    assert await code(1, await variant(connection, prices={CurrencyCode.USD: 2000})) is RefusalCode.INVALID
    assert await code(2, large) is RefusalCode.OUT_OF_STOCK
    await connection.execute(update(Product).values(archived_at=func.now()))
    assert await code(1, large) is RefusalCode.INVALID


# ---- what it would pay back


async def worth(database: RolledBackDatabase, order: Sold, *lines: LineDraft) -> Worth:
    _, found, refusals = await quoted(database.connection, order.id, lines, datetime.now(UTC))
    assert refusals == []
    return found


async def test_single_pieces_are_quoted_without_shipping(database: RolledBackDatabase, order: Sold):
    found = await worth(database, order, line(order, 2))
    assert (found.total, found.shipping) == (2200, 0)


async def test_shipping_comes_back_with_everything(database: RolledBackDatabase, order: Sold):
    found = await worth(database, order, line(order, 3), line(order, at=1))
    assert (found.total, found.shipping) == (order.total, 770)


async def test_shipping_comes_back_with_the_rest_of_what_is_asked_for(database: RolledBackDatabase, order: Sold):
    await made(database, order, line(order, 3))
    assert (await worth(database, order, line(order, at=1))).shipping == 770


async def test_shipping_does_not_come_back_after_two_weeks(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, shipping=700, delivered_ago=timedelta(days=15))
    assert (await worth(database, order, line(order))).shipping == 0


async def test_shipping_comes_back_where_the_shop_is_at_fault(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2)], shipping=700, delivered_ago=timedelta(days=20))
    assert (await worth(database, order, line(order, reason=Why.DAMAGED))).shipping == 770


async def test_exchange_is_not_paid_back(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, shipping=700)
    found = await worth(database, order, line(order, exchange=await other_size(database.connection, order)))
    assert found.total == 0


async def test_what_would_be_refused_is_quoted_at_nothing(database: RolledBackDatabase, order: Sold):
    _, found, refusals = await quoted(database.connection, order.id, [line(order, 4)], datetime.now(UTC))
    assert (found, [one.code for one in refusals]) == (Worth(), [RefusalCode.NOT_RETURNABLE])


# ---- decided, given up


@pytest.fixture
async def waiting(database: RolledBackDatabase, order: Sold) -> UUID:
    """A return that waits for staff."""
    return await made(database, order, line(order, 3, Why.DAMAGED))


async def test_staff_approve_and_the_customer_is_told_their_words(database: RolledBackDatabase, waiting: UUID):
    await return_request.decide(database.connection, waiting, approve=True, message="Mind the\nbox.")
    row = await row_of(database.connection, ReturnRequest, waiting)
    assert (row.status, row.version, row.message) == (APPROVED, 2, "Mind the\nbox.")
    [letter] = await Post(database).deliver()
    assert "Mind the box." in letter.text


async def test_staff_decline_and_the_pieces_are_returnable_again(
    database: RolledBackDatabase, order: Sold, waiting: UUID
):
    await return_request.decide(database.connection, waiting, approve=False, message="It was worn.")
    assert await status_of(database, waiting) is DECLINED
    assert "cannot be accepted" in (await Post(database).deliver())[0].subject
    await made(database, order, line(order, 3))


async def test_what_a_rule_approved_staff_may_decline(database: RolledBackDatabase, order: Sold):
    key = await made(database, order)
    assert await return_request.decide(database.connection, key, approve=False) == key
    assert await status_of(database, key) is DECLINED


async def test_to_approve_again_changes_nothing(database: RolledBackDatabase, order: Sold):
    key = await made(database, order)
    assert await return_request.decide(database.connection, key, approve=True) == key
    assert (await row_of(database.connection, ReturnRequest, key)).version == 1


async def test_owner_gives_up_a_return(database: RolledBackDatabase, order: Sold, owner: UUID, waiting: UUID):
    assert await return_request.cancel(database.connection, owner, waiting, expected_version=1) == waiting
    assert await status_of(database, waiting) is ReturnStatus.CANCELLED
    await made(database, order, line(order, 3))


async def test_return_of_somebody_else_cannot_be_given_up(database: RolledBackDatabase, waiting: UUID):
    assert await return_request.cancel(database.connection, new_id(), waiting, expected_version=9) == [NOT_FOUND]


@pytest.mark.parametrize("end", [DECLINED, ReturnStatus.CANCELLED, ReturnStatus.RECEIVED, ReturnStatus.REFUNDED])
async def test_return_that_is_over_stays_as_it_is(
    database: RolledBackDatabase, owner: UUID, waiting: UUID, end: ReturnStatus
):
    await database.connection.execute(update(ReturnRequest).values(status=end))
    cancelled = await return_request.cancel(database.connection, owner, waiting)
    approved = await return_request.decide(database.connection, waiting, approve=True)
    assert await code_of(cancelled) is await code_of(approved) is RefusalCode.ILLEGAL_TRANSITION


async def test_version_that_is_another_is_refused(database: RolledBackDatabase, owner: UUID, waiting: UUID):
    decided = await return_request.decide(database.connection, waiting, approve=True, expected_version=2)
    cancelled = await return_request.cancel(database.connection, owner, waiting, expected_version=2)
    assert await code_of(decided) is await code_of(cancelled) is RefusalCode.VERSION_CONFLICT
    assert await status_of(database, waiting) is REQUESTED


async def test_unknown_return_is_not_found(database: RolledBackDatabase, owner: UUID):
    assert await return_request.decide(database.connection, new_id(), approve=True) == [NOT_FOUND]
    assert await return_request.cancel(database.connection, owner, new_id()) == [NOT_FOUND]


async def test_message_that_is_too_long_is_refused(database: RolledBackDatabase, waiting: UUID):
    outcome = await return_request.decide(database.connection, waiting, approve=True, message="x" * 1001)
    assert await code_of(outcome) is RefusalCode.TOO_LONG
    assert await status_of(database, waiting) is REQUESTED
