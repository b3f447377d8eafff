"""Carts: the query, and mutations of whoever holds one."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import tokens
from auth.permissions import ANYONE, OWNER
from auth.refusal import Refusal, RefusalCode
from auth.throttle import CART, DISCOUNT_CODE, DISCOUNT_CODE_ADDRESS
from auth.viewer import Viewer
from commerce import cart as carts
from commerce import cart_claim, cart_codes
from commerce.basket import AlterationDraft, Basket, LineDraft
from commerce.cart_lines import LineChange
from commerce.goods import NOBODYS
from models.ids import read_id
from reads.declare import one, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from resolvers.throttling import Spending, throttle_caller
from schema.cart import (
    CART_LINE,
    PREFIX,
    Cart,
    CartClaimInput,
    CartClaimPayload,
    CartCreateInput,
    CartCreatePayload,
    CartDiscountCodesUpdateInput,
    CartDiscountCodesUpdatePayload,
    CartLineInput,
    CartLinesAddInput,
    CartLinesAddPayload,
    CartLinesRemoveInput,
    CartLinesRemovePayload,
    CartLinesUpdateInput,
    CartLinesUpdatePayload,
    CartLineUpdateInput,
    LineAlterationInput,
)
from schema.common import by_id
from schema.errors import user_errors
from schema.measurement import PREFIX as MEASUREMENT_SET

Outcome = Basket | list[Refusal]


@value(readers=ANYONE)
class CartQuery:
    cart: Cart | None = one(arguments={"id": by_id(PREFIX, required=True)})


@value(readers=ANYONE)
class CartMutation:
    @strawberry.mutation(
        description="Makes a cart: a signed-in customer's own, else one for whoever sends its token as X-Cart-Token."
    )
    async def cart_create(self, info: Info, input: CartCreateInput) -> CartCreatePayload:
        context = info.context
        await throttle_caller(info, CART)
        drafts, channel = [line_draft(line) for line in input.lines or ()], context.client.channel
        outcome = await context.database.transact(
            lambda t: carts.create(t, context.viewer, input.currency_code, drafts, channel)
        )
        if isinstance(outcome, list):
            return CartCreatePayload(cart=None, user_errors=user_errors(outcome))
        token = outcome.token
        if token is not None:
            context.viewer = replace(context.viewer, cart_digest=token.digest)
        shown = _shown(info, outcome.basket)
        return CartCreatePayload(cart_token=token.text if token else None, **shown)

    @strawberry.mutation(
        description="Puts lines in, all or none. One that is equal but for its quantity grows. OUT_OF_STOCK where "
        "there are none; where there are fewer than asked for, the cart shows what there is, with a warning."
    )
    async def cart_lines_add(self, info: Info, input: CartLinesAddInput) -> CartLinesAddPayload:
        drafts = [line_draft(line) for line in input.lines]
        return CartLinesAddPayload(**await _edit(info, input.cart_id, partial(carts.add, drafts=drafts)))

    @strawberry.mutation(description="Changes lines, all or none; the prices that they have now are taken as seen.")
    async def cart_lines_update(self, info: Info, input: CartLinesUpdateInput) -> CartLinesUpdatePayload:
        changes = [_change(line) for line in input.lines]
        return CartLinesUpdatePayload(**await _edit(info, input.cart_id, partial(carts.change, changes=changes)))

    @strawberry.mutation(description="Takes lines out, all or none.")
    async def cart_lines_remove(self, info: Info, input: CartLinesRemoveInput) -> CartLinesRemovePayload:
        keys = [read_id(CART_LINE, shown) for shown in input.line_ids]
        return CartLinesRemovePayload(**await _edit(info, input.cart_id, partial(carts.remove, line_ids=keys)))

    @strawberry.mutation(
        description="Enters discount codes in the place of the cart's. They stay whether or not they apply at the "
        "moment, which `discountCodes` and `warnings` tell. Who guesses is slowed down."
    )
    async def cart_discount_codes_update(
        self, info: Info, input: CartDiscountCodesUpdateInput
    ) -> CartDiscountCodesUpdatePayload:
        codes = input.codes
        cost = min(len(codes), cart_codes.MOST_CODES)
        guesses = await _guessing(info, cost)
        payload, outcome = await _edited(info, input.cart_id, partial(cart_codes.enter, codes=codes))
        await guesses.give_back(max(0, cost - _wrong(outcome)))
        return CartDiscountCodesUpdatePayload(**payload)

    @strawberry.mutation(
        description="After signing in: the token's cart goes into the customer's newest open one of its currency, or "
        "into the one that is named, and no line is lost; without any it becomes theirs. The token is dead then.",
        metadata={"readers": OWNER},
    )
    async def cart_claim(self, info: Info, input: CartClaimInput) -> CartClaimPayload:
        account_id, named = info.context.account_id, bool(input.into_cart_id)
        parsed = tokens.parse(input.cart_token)
        digest = parsed[1] if parsed is not None and parsed[0] is tokens.Kind.CART else None
        into = read_id(PREFIX, input.into_cart_id) if input.into_cart_id else None
        outcome = await info.context.database.transact(
            lambda t: cart_claim.claim(t, account_id, digest, into, named=named)
        )
        return CartClaimPayload(**_shown(info, outcome))


def line_draft(line: CartLineInput) -> LineDraft:
    """A line as it is wanted."""
    return LineDraft(
        read_id("var", line.variant_id),
        line.quantity,
        _alterations(line.alterations or ()),
        _set_id(line.measurement_set_id),
        line.gift_message or None,
    )


def _change(line: CartLineUpdateInput) -> LineChange:
    sent = given(line)
    changes: dict[str, Any] = {}
    if "alterations" in sent:
        changes["alterations"] = _alterations(line.alterations or ())
    if "measurement_set_id" in sent:
        changes["measurement_set_id"] = _set_id(line.measurement_set_id)
    if "gift_message" in sent:
        changes["gift_message"] = line.gift_message
    return LineChange(read_id(CART_LINE, line.id), line.quantity, changes)


def _alterations(asked: Sequence[LineAlterationInput]) -> tuple[AlterationDraft, ...]:
    return tuple(AlterationDraft(one.kind, one.note or None) for one in asked)


def _set_id(shown: str | None) -> UUID | None:
    return (read_id(MEASUREMENT_SET, shown) or NOBODYS) if shown else None


Edit = Callable[[AsyncConnection, Viewer, UUID | None], Awaitable[Outcome]]


async def _edit(info: Info, shown: str, edit: Edit) -> dict[str, Any]:
    """What `edit` makes of the cart with the id, as a payload has it."""
    return (await _edited(info, shown, edit))[0]


async def _edited(info: Info, shown: str, edit: Edit) -> tuple[dict[str, Any], Outcome]:
    viewer, key = info.context.viewer, read_id(PREFIX, shown)
    outcome = await carts.edit(info.context.database, key, lambda transaction: edit(transaction, viewer, key))
    return _shown(info, outcome), outcome


def _shown(info: Info, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, list):
        return {"cart": None, "user_errors": user_errors(outcome)}
    info.context.baskets.hold(outcome)
    return {"cart": refer(outcome.cart_id), "user_errors": []}


async def _guessing(info: Info, codes: int) -> Spending:
    """Counts so many codes as guesses of the caller's address and, of a customer, the account."""
    account_id = info.context.viewer.account_id
    spending = Spending(info, codes)
    await spending.by_caller(DISCOUNT_CODE_ADDRESS)
    if account_id is not None:
        await spending.by(DISCOUNT_CODE, str(account_id))
    return spending


def _wrong(outcome: Outcome) -> int:
    """How many codes there were not."""
    if isinstance(outcome, Basket):
        return 0
    return sum(one.code is RefusalCode.NOT_FOUND and one.field[0] == cart_codes.CODES[0] for one in outcome)
