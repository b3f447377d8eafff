"""Address book queries and mutations."""

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import Parameter
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.permissions import ANYONE, OWNER
from auth.refusal import Refusal
from commerce import address as address_book
from commerce import postal
from models.ids import read_id, show_id
from reads.declare import Ref, known, value
from resolvers.context import Info
from resolvers.inputs import given
from schema.address import (
    PREFIX,
    AddressCreateInput,
    AddressCreatePayload,
    AddressDeleteInput,
    AddressDeletePayload,
    AddressFormat,
    AddressRegion,
    AddressSetDefaultInput,
    AddressSetDefaultPayload,
    AddressUpdateInput,
    AddressUpdatePayload,
)
from schema.errors import UserError, user_errors

Outcome = UUID | list[Refusal]


def _format(facts: Any, country_code: str) -> AddressFormat | None:
    found = postal.address_format(country_code)
    if found is None:
        return None
    return AddressFormat(
        country_code=found.country_code,
        required=list(found.required),
        order=list(found.order),
        regions=[AddressRegion(code=region.code, name=region.name) for region in found.regions],
        postal_code_pattern=found.postal_code_pattern,
        postal_code_example=found.postal_code_example,
    )


@value(readers=ANYONE)
class AddressQuery:
    address_format: AddressFormat | None = known(
        _format,
        arguments={"country_code": (str, Parameter.empty)},
        description="What to ask for in a country (ISO 3166-1 alpha-2); null for an unknown one.",
    )


@value(readers=OWNER)
class AddressMutation:
    @strawberry.mutation(description="Adds to one's address book, which holds 50 addresses.")
    async def address_create(self, info: Info, input: AddressCreateInput) -> AddressCreatePayload:
        owner, channel = info.context.account_id, info.context.client.channel
        draft = address_book.EntryDraft(**given(input))
        outcome = await info.context.database.transact(lambda t: address_book.create(t, owner, draft, channel))
        return AddressCreatePayload(address=_ref(outcome), user_errors=_errors(outcome))

    @strawberry.mutation(description="Changes an address of one's own.")
    async def address_update(self, info: Info, input: AddressUpdateInput) -> AddressUpdatePayload:
        changes = given(input)
        shown, version = changes.pop("id"), changes.pop("expected_version", None)
        change = partial(address_book.change, changes=changes, expected_version=version)
        outcome = await _edit(info, shown, change)
        return AddressUpdatePayload(address=_ref(outcome), user_errors=_errors(outcome))

    @strawberry.mutation(description="Deletes an address of one's own; orders keep their copies.")
    async def address_delete(self, info: Info, input: AddressDeleteInput) -> AddressDeletePayload:
        outcome = await _edit(info, input.id, address_book.remove)
        deleted = strawberry.ID(show_id(PREFIX, outcome)) if isinstance(outcome, UUID) else None
        return AddressDeletePayload(deleted_id=deleted, user_errors=_errors(outcome))

    @strawberry.mutation(description="Makes an address of one's own the default for shipping or billing.")
    async def address_set_default(self, info: Info, input: AddressSetDefaultInput) -> AddressSetDefaultPayload:
        outcome = await _edit(info, input.id, partial(address_book.set_default, kind=input.kind))
        customer = None if isinstance(outcome, list) else info.context.account_id
        return AddressSetDefaultPayload(customer=_ref(customer), user_errors=_errors(outcome))


async def _edit(info: Info, shown: str, edit: Callable[[AsyncConnection, UUID, UUID], Awaitable[Outcome]]) -> Outcome:
    """What `edit` does to the viewer's address with the id."""
    owner, key = info.context.account_id, read_id(PREFIX, shown)
    if key is None:
        return [address_book.NOT_FOUND]
    return await info.context.database.transact(lambda transaction: edit(transaction, owner, key))


def _ref(outcome: Outcome | None) -> Any:
    return Ref(outcome) if isinstance(outcome, UUID) else None


def _errors(outcome: Outcome) -> list[UserError]:
    return [] if isinstance(outcome, UUID) else user_errors(outcome)
