"""Carts for tests, made and filled by the rules themselves."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from commerce import cart
from commerce.basket import Basket, LineDraft
from commerce.cart import Created
from models.cart import Cart, CartAlteration, CartLine
from models.catalogue import CurrencyCode
from models.classification import Channel


def customer(account_id: UUID, digest: bytes | None = None) -> Viewer:
    """A customer who is signed in, with a cart's token or without."""
    return Viewer(ViewerKind.CUSTOMER, account_id, cart_digest=digest)


def bearer(digest: bytes) -> Viewer:
    """Whoever has the token."""
    return Viewer(cart_digest=digest)


async def new_cart(
    transaction: AsyncConnection,
    viewer: Viewer = ANONYMOUS,
    *drafts: LineDraft,
    currency: CurrencyCode = CurrencyCode.USD,
) -> tuple[UUID, Viewer]:
    """A cart with these lines, and who holds it."""
    made = await cart.create(transaction, viewer, currency, drafts, Channel.WEB)
    assert isinstance(made, Created), made
    key = made.basket.cart_id
    assert key is not None
    return key, bearer(made.token.digest) if made.token else viewer


def filled(outcome: Any) -> Basket:
    """The basket that a rule answered with."""
    assert isinstance(outcome, Basket), outcome
    return outcome


def refused(outcome: Any) -> list[tuple[str, str]]:
    """Codes and fields of a refusal."""
    assert isinstance(outcome, list), outcome
    return [(one.code, ".".join(one.field)) for one in outcome]


def pieces(basket: Basket) -> list[tuple[UUID, int]]:
    """Variants with how many pieces were asked for."""
    return [(line.variant_id, line.draft.quantity) for line in basket.lines]


async def stored(transaction: AsyncConnection, cart_id: UUID) -> dict[str, Any]:
    """All that is kept of a cart; {} where there is none."""
    row = (await transaction.execute(select(Cart.__table__).where(Cart.id == cart_id))).one_or_none()
    if row is None:
        return {}
    lines = select(CartLine.__table__).where(CartLine.cart_id == cart_id).order_by(CartLine.position, CartLine.id)
    found = (await transaction.execute(lines)).all()
    altered = select(CartAlteration.__table__).where(CartAlteration.line_id.in_([line.id for line in found]))
    alterations = (await transaction.execute(altered.order_by(CartAlteration.line_id, CartAlteration.kind))).all()
    return {"cart": row, "lines": found, "alterations": alterations}
