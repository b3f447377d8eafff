"""What the local gateway does in its book, one function a request: each runs in one transaction of the book."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Any
from uuid import UUID

from gateways.payments import ACTION_LASTS, Action, Charged, ChargeRequest, InvalidToken, KeyReused
from gateways.payments.local_cards import CARDS, Card, Way
from models.catalogue import CurrencyCode
from models.payment import ChargeStatus, RefundStatus

BANK = "https://bank.example/confirm/"

_SPOKEN_ORDER = ("decided", "pending", "decided", "pending")
"""Webhooks come twice, and the later event first."""

_INSERT = """
INSERT INTO charge (charge_id, order_id, token, behaves_as, amount, currency, status, captured, refunded, outcome,
  outcome_at, secret, made_at)
VALUES (:charge_id, :order_id, :token, :behaves_as, :amount, :currency, :status, :captured, :refunded, :outcome,
  :outcome_at, :secret, :made_at)
"""


def gateway_key(charge_id: UUID) -> str:
    """The gateway's own key of a charge."""
    return f"lch_{charge_id.hex}"


def take(book: Connection, request: ChargeRequest, now: float, delay: float) -> tuple[Charged | None, Way]:
    """The charge, and how the gateway answers; a charge that is known is answered at once.

    None: the request never got here. `delay` is how many seconds a late decision takes. Raises InvalidToken, KeyReused.
    """
    known = look_up(book, request.charge_id, now)
    if known is not None:
        same = (known["amount"], known["currency"], known["token"]) == (request.amount, request.currency, request.token)
        if not same:
            raise KeyReused("a charge of this key has another amount, currency or token")
        return shown(known), Way.AT_ONCE
    behaves_as = behaviour(book, request.token) if request.saved else request.token
    card = CARDS.get(behaves_as or "")
    if card is None:
        raise InvalidToken
    if card.way is Way.NEVER:
        return None, card.way
    _write_down(book, request, str(behaves_as), now, delay)
    return shown(_row(book, request.charge_id)), card.way


def _write_down(book: Connection, request: ChargeRequest, behaves_as: str, now: float, delay: float) -> None:
    status, outcome = _beginning(CARDS[behaves_as], takes=request.capture)
    lasts = ACTION_LASTS.total_seconds() if status is ChargeStatus.ACTION else delay
    row = {
        "charge_id": request.charge_id.hex,
        "order_id": request.order_id and request.order_id.hex,
        "token": request.token,
        "behaves_as": behaves_as,
        "amount": request.amount,
        "currency": request.currency,
        "status": status,
        "captured": request.amount if status is ChargeStatus.CAPTURED else 0,
        "refunded": 0,
        "outcome": outcome,
        "outcome_at": outcome and now + lasts,
        "secret": secrets.token_urlsafe(24) if status is ChargeStatus.ACTION else None,
        "made_at": now,
    }
    book.execute(_INSERT, row)
    if status is ChargeStatus.PENDING:
        _promise_webhooks(book, request.charge_id, now + delay)


def _beginning(card: Card, *, takes: bool) -> tuple[ChargeStatus, ChargeStatus | None]:
    """The status that a charge begins with, and the one that it will have."""
    approved = ChargeStatus.CAPTURED if takes else ChargeStatus.AUTHORIZED
    end = approved if card.approved else ChargeStatus.FAILED
    if card.way is Way.AFTER_ACTION:
        return ChargeStatus.ACTION, end
    return (ChargeStatus.PENDING, end) if card.way is Way.LATER else (end, None)


def _promise_webhooks(book: Connection, charge_id: UUID, due_at: float) -> None:
    for kind in _SPOKEN_ORDER:
        book.execute(
            "INSERT INTO webhook (event_key, kind, charge_id, due_at) VALUES (?, ?, ?, ?)",
            (f"levt_{charge_id.hex}_{kind}", f"charge.{kind}", charge_id.hex, due_at),
        )


def look_up(book: Connection, charge_id: UUID, now: float) -> Any:
    """The charge's row as it is now, or None."""
    _ripen(book, now)
    return _row(book, charge_id)


def _row(book: Connection, charge_id: UUID) -> Any:
    return book.execute("SELECT * FROM charge WHERE charge_id = ?", (charge_id.hex,)).fetchone()


def _ripen(book: Connection, now: float) -> None:
    """What has waited its time is decided; who did not come back from the bank has not paid."""
    book.execute(
        "UPDATE charge SET status = iif(status = 'ACTION', 'FAILED', outcome),"
        " captured = iif(status = 'PENDING' AND outcome = 'CAPTURED', amount, 0), outcome = NULL"
        " WHERE outcome IS NOT NULL AND outcome_at <= ?",
        (now,),
    )


def resume(book: Connection, charge_id: UUID, now: float) -> Charged | None:
    """The customer has been at the bank."""
    row = look_up(book, charge_id, now)
    if row is not None and row["status"] == ChargeStatus.ACTION:
        book.execute(
            "UPDATE charge SET status = outcome, captured = iif(outcome = 'CAPTURED', amount, 0), outcome = NULL"
            " WHERE charge_id = ?",
            (charge_id.hex,),
        )
        row = _row(book, charge_id)
    return row and shown(row)


def void(book: Connection, charge_id: UUID, now: float) -> Charged | None:
    row = look_up(book, charge_id, now)
    if row is not None and row["status"] in {ChargeStatus.PENDING, ChargeStatus.ACTION, ChargeStatus.AUTHORIZED}:
        book.execute("UPDATE charge SET status = 'VOIDED', outcome = NULL WHERE charge_id = ?", (charge_id.hex,))
        row = _row(book, charge_id)
    return row and shown(row)


def capture(book: Connection, charge_id: UUID, amount: int, now: float) -> Charged | None:
    row = look_up(book, charge_id, now)
    if row is not None and row["status"] == ChargeStatus.AUTHORIZED:
        if not 0 < amount <= row["amount"]:
            raise ValueError("what is captured is some of what was authorised")
        book.execute("UPDATE charge SET status = 'CAPTURED', captured = ? WHERE charge_id = ?", (amount, charge_id.hex))
        row = _row(book, charge_id)
    return row and shown(row)


def refund(book: Connection, charge_id: UUID, refund_id: UUID, amount: int, now: float) -> RefundStatus:
    """Pays back, if so much is left. The same key once more is the same refund. Raises KeyReused."""
    known = book.execute("SELECT * FROM refund WHERE refund_id = ?", (refund_id.hex,)).fetchone()
    if known is not None:
        if (known["charge_id"], known["amount"]) != (charge_id.hex, amount):
            raise KeyReused("a refund of this key has another charge or amount")
        return RefundStatus(known["status"])
    row = look_up(book, charge_id, now)
    left = row["captured"] - row["refunded"] if row is not None and row["status"] == ChargeStatus.CAPTURED else 0
    status = RefundStatus.SUCCEEDED if 0 < amount <= left else RefundStatus.FAILED
    book.execute("INSERT INTO refund VALUES (?, ?, ?, ?)", (refund_id.hex, charge_id.hex, amount, status))
    if status is RefundStatus.SUCCEEDED:
        book.execute("UPDATE charge SET refunded = refunded + ? WHERE charge_id = ?", (amount, charge_id.hex))
    return status


def save(book: Connection, token: str, key: UUID) -> tuple[str, str | None]:
    """The saved card's token, and the secret of what its owner has to do first. Raises KeyReused."""
    saved = f"lpm_{key.hex}"
    known = book.execute("SELECT * FROM card WHERE token = ?", (saved,)).fetchone()
    if known is None:
        secret = secrets.token_urlsafe(24) if CARDS[token].way is Way.AFTER_ACTION else None
        book.execute("INSERT INTO card VALUES (?, ?, ?)", (saved, token, secret))
        return saved, secret
    if known["behaves_as"] != token:
        raise KeyReused("a card of this key has another token")
    return saved, known["secret"]


def behaviour(book: Connection, saved: str) -> str | None:
    """The token that a saved card behaves as, or None where there is no such card."""
    row = book.execute("SELECT behaves_as FROM card WHERE token = ?", (saved,)).fetchone()
    return row and row["behaves_as"]


def forget(book: Connection, saved: str) -> None:
    book.execute("DELETE FROM card WHERE token = ?", (saved,))


def page(book: Connection, after: int, since: float, size: int, now: float) -> tuple[list[Charged], int]:
    """The next charges of the book, and the number of the last of them."""
    _ripen(book, now)
    rows = book.execute(
        "SELECT * FROM charge WHERE number > ? AND made_at >= ? ORDER BY number LIMIT ?", (after, since, size)
    ).fetchall()
    return [shown(row) for row in rows], rows[-1]["number"] if rows else after


def enter(book: Connection, charges: Iterable[Charged], now: float) -> None:
    """Writes charges that were made elsewhere as they are; those that are known stay."""
    nothing = {"outcome": None, "outcome_at": None, "secret": None, "made_at": now}
    book.executemany(
        f"{_INSERT} ON CONFLICT (charge_id) DO NOTHING",
        (
            {
                "charge_id": one.charge_id and one.charge_id.hex,
                "order_id": one.order_id and one.order_id.hex,
                "token": _token_of(one),
                "behaves_as": _token_of(one),
                "amount": one.amount,
                "currency": one.currency,
                "status": one.status,
                "captured": one.captured,
                "refunded": one.refunded,
                **nothing,
            }
            for one in charges
        ),
    )


def enter_cards(book: Connection, cards: Iterable[tuple[str, str]]) -> None:
    """Keeps cards under tokens that were given elsewhere: (token, the token that it behaves as)."""
    book.executemany("INSERT INTO card VALUES (?, ?, NULL) ON CONFLICT DO NOTHING", cards)


def _token_of(charged: Charged) -> str:
    return "tok_mastercard" if charged.brand == "mastercard" else "tok_visa"


def due_webhooks(book: Connection, now: float) -> list[Any]:
    """What is to be told now, each for one caller alone: whoever dies with it leaves it to the reconciler."""
    rows = book.execute("SELECT * FROM webhook WHERE due_at <= ? ORDER BY number", (now,)).fetchall()
    book.execute("DELETE FROM webhook WHERE due_at <= ?", (now,))
    return rows


def next_webhook(book: Connection) -> float | None:
    """When the next is due, in seconds since 1970."""
    return book.execute("SELECT min(due_at) FROM webhook").fetchone()[0]


def action(secret: str, expires_at: float) -> Action:
    """What the customer is sent to the bank with."""
    return Action(BANK + secret, secret, datetime.fromtimestamp(expires_at, UTC))


def shown(row: Any) -> Charged:
    """A charge as the port has it."""
    card = CARDS[row["behaves_as"]]
    waits = row["status"] == ChargeStatus.ACTION
    return Charged(
        charge_id=UUID(row["charge_id"]),
        gateway_key=gateway_key(UUID(row["charge_id"])),
        order_id=UUID(row["order_id"]) if row["order_id"] else None,
        status=ChargeStatus(row["status"]),
        amount=row["amount"],
        currency=CurrencyCode(row["currency"]),
        captured=row["captured"],
        refunded=row["refunded"],
        brand=card.brand,
        last4=card.last4,
        action=action(row["secret"], row["outcome_at"]) if waits else None,
    )
