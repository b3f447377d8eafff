"""Taking a cart along when signing in: what was put in before is not lost, and what was there before neither.

A token's cart goes into the customer's newest open cart of the same currency, or into one that they name; where there
is none it becomes theirs as it is. A cart keeps its currency: prices that were seen in one are not made those of
another, so that a cart of another currency stays beside it.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import cart_codes, cart_lines
from commerce.basket import of_cart
from commerce.cart import Outcome
from commerce.cart_access import is_open
from commerce.cart_writing import Held, edit, edited, write
from commerce.goods import Wanted, load
from commerce.line_check import MOST_LINES
from models.cart import Cart, CartAlteration, CartLine
from models.catalogue import CurrencyCode
from models.statement import Statement

MOST_MERGED = 2 * MOST_LINES
"""Lines that a cart may come to have by merging."""

NO_TOKEN = Refusal(RefusalCode.NOT_FOUND, "There is no cart with this token.", ("cartToken",))
NO_TARGET = Refusal(RefusalCode.NOT_FOUND, "You have no such cart.", ("intoCartId",))
OTHER_CURRENCY = Refusal(RefusalCode.INVALID, "The carts are in different currencies.", ("intoCartId",))
TOO_MANY = Refusal(RefusalCode.LIMIT_REACHED, f"Together the carts have more than {MOST_MERGED} lines.")


async def claim(
    transaction: AsyncConnection, account_id: UUID, digest: bytes | None, into: UUID | None, *, named: bool
) -> Outcome:
    """Makes the cart with the token the customer's, or merges it into a cart of theirs; the token is dead then.

    `named`: only into the cart `into`. NOT_FOUND for a token or a cart that there is not, INVALID for one of another
    currency, LIMIT_REACHED beyond 200 lines together; then nothing changes.
    """
    source = None if digest is None else await _locked(transaction, Cart.token_digest == digest)
    if source is None:
        return [NO_TOKEN]
    theirs = Cart.account_id == account_id
    if named:
        target = await _locked(transaction, theirs & (Cart.id == into))
        if target is None:
            return [NO_TARGET]
        if target.currency is not source.currency:
            return [OTHER_CURRENCY]
    else:
        target = await _locked(transaction, theirs & (Cart.currency == source.currency))
    if target is None:
        await edit(transaction, _TAKING, source, to_account=account_id)
        return await of_cart(transaction, source.cart_id)
    return await _merge(transaction, source, target)


async def _merge(transaction: AsyncConnection, source: Held, target: Held) -> Outcome:
    ours, other = [await load(transaction, cart.cart_id, Wanted()) for cart in (target, source)]
    put = cart_lines.merged(ours, other)
    if len(cart_lines.all_of(ours, put)) > MOST_MERGED:
        return [TOO_MANY]
    await write(transaction, target, put)
    await cart_codes.bring_along(transaction, target.cart_id, source.cart_id)
    await transaction.execute(delete(Cart).where(Cart.id == source.cart_id))
    return await of_cart(transaction, target.cart_id)


async def _locked(transaction: AsyncConnection, which: Any) -> Held | None:
    """The newest open cart of those, locked. Carts with tokens are always locked before customers' own."""
    cart = select(Cart.id, Cart.account_id, Cart.currency, Cart.version).where(which, is_open(Cart))
    newest = cart.order_by(Cart.created_at.desc(), Cart.id.desc()).limit(1).with_for_update()
    row = (await transaction.execute(newest)).one_or_none()
    return None if row is None else Held(row.id, row.account_id, CurrencyCode(row.currency), row.version)


def _taking() -> Any:
    """Makes a cart with all that is in it an account's."""
    account = bindparam("to_account", type_=Uuid)
    cart = edited().values(account_id=account, token_digest=None).cte("edited")
    lines = update(CartLine).where(CartLine.cart_id == cart.c.id).values(account_id=account)
    in_cart = select(CartLine.id).where(CartLine.cart_id == cart.c.id)
    alterations = update(CartAlteration).where(CartAlteration.line_id.in_(in_cart)).values(account_id=account)
    return select(cart.c.id).add_cte(lines.cte("lines"), alterations.cte("alterations"))


_TAKING = Statement(_taking)
