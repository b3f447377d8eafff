"""Seeded orders: written as the shop's own rules write them, with everything that became of them since."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from commerce import measurement, order_writing
from commerce.alteration import Work
from commerce.order_writing import Contact, NewCharge, NewLine, NewTender, OrderDraft
from commerce.pricing import PricedLine
from gateways.payments import Charged
from gateways.payments.local_charges import gateway_key
from models.alteration import Alteration, AlterationStatus
from models.classification import Channel
from models.ids import new_id
from models.measurement import OrderMeasurement
from models.order import (
    Order,
    OrderAddress,
    OrderCancelReason,
    OrderContact,
    OrderEvent,
    OrderEventKind,
    OrderGift,
    OrderLine,
    OrderPayment,
    PaymentStatus,
)
from models.payment import Charge, ChargeStatus, Tender, TenderKind
from models.stock import StockEntryKind
from privacy.retention import RULES
from seeds.case import Case, Event
from seeds.course import course_of, is_shipped, work_status
from seeds.installation import Installation
from seeds.ledger import Ledger, Move
from seeds.purchases import Bought, Purchase, Reckoned, reckon
from seeds.returns import add_refund, add_request, add_return
from seeds.rows import Rows
from seeds.shipments import add_shipment
from seeds.terms import Methods, Offers

GATEWAY = "local"
_CHARGES = {PaymentStatus.PENDING: ChargeStatus.PENDING, PaymentStatus.FAILED: ChargeStatus.FAILED}
_AS_WRITTEN = (OrderGift, OrderContact, OrderAddress, Tender)


class Office:
    """Writes orders into `rows`, stock into `ledger`; `charged` is what the gateway has to have in its book."""

    def __init__(
        self,
        rows: Rows,
        methods: Methods,
        offers: Offers,
        ledger: Ledger,
        installation: Installation,
        now: datetime,
    ) -> None:
        self._rows = rows
        self._methods = methods
        self._offers = offers
        self._ledger = ledger
        self._store = installation.store
        self._sealer = measurement.sealer_of(installation.secret)
        self._now = now
        self.charged: list[Charged] = []

    def add_order(self, purchase: Purchase) -> None:
        """Adds the order, its lines, where there is a buyer the person as they were then, and all that followed."""
        case = self._case(purchase)
        written = order_writing.rows(case.draft)
        self._rows.add(Order, **written[Order][0], **_standing(case))
        for bought, row in zip(purchase.lines, written[OrderLine], strict=True):
            self._rows.add(OrderLine, **row, **_counts(case, bought, row["position"]))
        for model in _AS_WRITTEN:
            for row in written[model]:
                self._rows.add(model, **row)
        for row in written[OrderMeasurement]:
            self._rows.add(OrderMeasurement, **{**row, **self._kept(case)})
        works = self._add_works(case, written[Alteration])
        self._rows.add(OrderPayment, **written[OrderPayment][0], **_card(purchase))
        for row in written[Charge]:
            self._add_charge(case, row)
        self._take_stock(case)
        self._use_codes(case)
        self._add_events(case, works)

    # ---- as it was placed

    def _case(self, purchase: Purchase) -> Case:
        reckoned = reckon(purchase, self._methods, self._store)
        pairs = zip(purchase.lines, reckoned.price.lines, strict=True)
        lines = tuple(_line(bought, priced, purchase) for bought, priced in pairs)
        return Case(purchase, self._draft(purchase, reckoned, lines), course_of(purchase, self._now))

    def _draft(self, purchase: Purchase, reckoned: Reckoned, lines: tuple[NewLine, ...]) -> OrderDraft:
        buyer, total = purchase.buyer, reckoned.price.total
        charges = () if purchase.card is None else (NewCharge(GATEWAY, total),)
        return OrderDraft(
            buyer.id if buyer else None,
            purchase.channel,
            purchase.status,
            purchase.currency,
            reckoned.price,
            lines,
            reckoned.method,
            tax_place=(reckoned.place.country_code, reckoned.place.region),
            contact=Contact(buyer.name, buyer.email, buyer.phone) if buyer else None,
            shipping_address=purchase.shipping,
            billing_address=purchase.billing,
            payment=purchase.payment,
            charges=charges,
            tenders=_tenders(purchase, charges, total),
            measurements=self._measurements(purchase, lines),
            number=purchase.number,
            placed_at=purchase.placed_at,
        )

    def _measurements(self, purchase: Purchase, lines: tuple[NewLine, ...]) -> tuple[dict[str, Any], ...]:
        buyer = purchase.buyer
        whose = {"account_id": buyer.id if buyer else None, "channel": purchase.channel}
        return tuple(
            {
                "order_line_id": line.id,
                **whose,
                "person": bought.measured.person,
                "unit": bought.measured.unit,
                "sealed": measurement.seal(self._sealer, bought.measured.values, line.id),
            }
            for bought, line in zip(purchase.lines, lines, strict=True)
            if bought.measured is not None
        )

    # ---- what followed

    def _kept(self, case: Case) -> dict[str, Any]:
        """Measurements go when they have had their time (P6)."""
        deleted_at = self._forgotten_at(case)
        return {"deleted_at": deleted_at} | ({} if deleted_at is None else {"sealed": None})

    def _forgotten_at(self, case: Case) -> datetime | None:
        """When nobody needed to know bodies any more, if that is past."""
        if case.course.delivered_at is None:
            return case.course.cancelled_at
        period = RULES["measurement"].period
        assert period is not None
        ended_at = case.course.delivered_at + period
        return ended_at if ended_at < self._now else None

    def _add_works(self, case: Case, rows: Any) -> set[AlterationStatus]:
        """Adds the tailor's work; answers how far it is."""
        forgotten = self._forgotten_at(case) is not None
        by_line = {line.id: bought for line, bought in zip(case.draft.lines, case.purchase.lines, strict=True)}
        found = set()
        for place, row in enumerate(rows):
            status = work_status(case.purchase, by_line[row["order_line_id"]], first=place == 0)
            changed = {"status": status, "note": None if forgotten else row["note"]}
            self._rows.add(Alteration, **row | changed, created_at=case.purchase.placed_at)
            found.add(status)
        return found

    def _add_charge(self, case: Case, row: Any) -> None:
        status = _CHARGES.get(case.purchase.payment, ChargeStatus.CAPTURED)
        settled = status is not ChargeStatus.PENDING
        self._rows.add(
            Charge,
            **row | {"status": status},
            gateway_key=gateway_key(row["id"]),
            refunded=case.refunded,
            created_at=case.course.placed_at,
            settled_at=case.course.settled_at if settled else None,
        )
        card = case.purchase.card
        self.charged.append(
            Charged(
                row["id"],
                gateway_key(row["id"]),
                case.draft.order_id,
                status,
                row["amount"],
                row["currency"],
                captured=row["amount"] if status is ChargeStatus.CAPTURED else 0,
                refunded=case.refunded,
                brand=card.brand if card else None,
                last4=card.last4 if card else None,
            )
        )

    def _take_stock(self, case: Case) -> None:
        course, order_id = case.course, case.draft.order_id
        for bought in case.purchase.lines:
            item, count = bought.item.id, bought.quantity
            self._ledger.note(item, Move(course.placed_at, -count, StockEntryKind.SALE, order_id))
            if course.cancelled_at is not None:
                self._ledger.note(item, Move(course.cancelled_at, count, StockEntryKind.CANCELLATION, order_id))

    def _use_codes(self, case: Case) -> None:
        """A cancelled order has given its codes back."""
        draft = case.draft
        for code in draft.price.codes:
            if code.refusal is None and not case.cancelled:
                self._offers.use(self._rows, code.terms, draft.order_id, draft.account_id, draft.placed_at)

    def _add_events(self, case: Case, works: set[AlterationStatus]) -> None:
        events = [*_payment_events(case), *_work_events(case, works), *add_shipment(self._rows, case)]
        if case.course.cancelled_at is not None:
            events.append(Event(OrderEventKind.CANCELLED, case.course.cancelled_at))
        if case.refunded:
            return_id = None
            if not case.cancelled:
                return_id, steps = add_return(self._rows, case, self._ledger, self._now)
                events += steps
            events.append(add_refund(self._rows, case, return_id, self._now))
        if case.purchase.unwanted is not None:
            events.append(add_request(self._rows, case, case.purchase.unwanted, self._now))
        for event in events:
            self._rows.add(OrderEvent, id=new_id(), order_id=case.draft.order_id, **asdict(event))


def _line(bought: Bought, priced: PricedLine, purchase: Purchase) -> NewLine:
    item = bought.item
    return NewLine(
        item.id,
        item.sku,
        item.product_name,
        item.size,
        item.color,
        priced.line.unit_price,
        item.custom_made,
        priced,
        tuple(Work(one.kind, one.note, one.prices[purchase.currency], one.days) for one in bought.services),
        bought.gift_message,
    )


def _tenders(purchase: Purchase, charges: tuple[NewCharge, ...], total: int) -> tuple[NewTender, ...]:
    """What was sold at the till was paid there."""
    if purchase.channel is not Channel.IN_STORE:
        return ()
    if not charges:
        return (NewTender(TenderKind.CASH, total),)
    return (NewTender(TenderKind.CARD_TERMINAL, total, charges[0].id),)


def _standing(case: Case) -> dict[str, Any]:
    changed_mind = case.cancelled and case.purchase.payment is not PaymentStatus.FAILED
    return {
        "refunded_total": case.refunded,
        "delivered_at": case.course.delivered_at,
        "cancel_reason": OrderCancelReason.CHANGED_MIND if changed_mind else None,
    }


def _counts(case: Case, bought: Bought, position: int) -> dict[str, int]:
    came_back = position in case.back
    return {
        "fulfilled_quantity": bought.quantity if is_shipped(case.purchase, bought) else 0,
        "returned_quantity": bought.quantity if came_back and not case.cancelled else 0,
        "cancelled_quantity": bought.quantity if case.cancelled else 0,
    }


def _card(purchase: Purchase) -> dict[str, str | None]:
    """What a person recognises the card by, known once it was charged."""
    card = None if purchase.payment in _CHARGES else purchase.card
    return {"brand": card.brand if card else None, "last4": card.last4 if card else None}


def _payment_events(case: Case) -> list[Event]:
    course = case.course
    placed = Event(OrderEventKind.PLACED, course.placed_at)
    match case.purchase.payment:
        case PaymentStatus.PENDING:
            return [placed, Event(OrderEventKind.PAYMENT_PENDING, course.settled_at)]
        case PaymentStatus.FAILED:
            assert course.cancelled_at is not None
            failed = Event(OrderEventKind.PAYMENT_FAILED, course.cancelled_at)
            return [placed, Event(OrderEventKind.PAYMENT_PENDING, course.settled_at), failed]
    return [placed, Event(OrderEventKind.PAYMENT_SETTLED, course.settled_at)]


def _work_events(case: Case, works: set[AlterationStatus]) -> list[Event]:
    course, events = case.course, []
    if course.begun_at is not None:
        events.append(Event(OrderEventKind.ALTERATION_STARTED, course.begun_at))
    if course.ready_at is not None and works == {AlterationStatus.DONE}:
        events.append(Event(OrderEventKind.ALTERATION_READY, course.ready_at))
    return events
