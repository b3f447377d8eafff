"""Products and their pictures: mutations of staff."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import strawberry

from auth.refusal import Refusal
from commerce import product as products
from commerce.product_draft import OfferDraft, PictureDraft, VariantDraft
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from resolvers.throttling import told_when_busy
from schema.catalogue import EDITORS
from schema.errors import user_errors
from schema.money import amounts_of
from schema.product import (
    MEDIA_PREFIX,
    PREFIX,
    VARIANT_PREFIX,
    AlterationServiceInput,
    ProductArchiveInput,
    ProductArchivePayload,
    ProductMediaInput,
    ProductMediaUploadPayload,
    ProductSaveInput,
    ProductSavePayload,
    VariantInput,
)
from schema.upload import UploadedFile


@value(readers=EDITORS)
class ProductMutation:
    @strawberry.mutation(description="Makes or changes a product with its variants, prices, pictures and alterations.")
    async def product_save(self, info: Info, input: ProductSaveInput) -> ProductSavePayload:
        changes = given(input)
        shown, version = changes.pop("id", None), changes.pop("expected_version", None)
        key = None if shown is None else read_id(PREFIX, shown)
        if shown is not None and key is None:
            return ProductSavePayload(product=None, user_errors=user_errors(products.NOT_FOUND))
        drafts = changes | _drafts(changes)
        outcome = await info.context.database.transact(
            lambda t: products.save(t, key, drafts, expected_version=version)
        )
        return ProductSavePayload(**_payload(outcome))

    @strawberry.mutation(
        description="Takes a product off sale and out of every list, or puts it back; nothing is deleted."
    )
    async def product_archive(self, info: Info, input: ProductArchiveInput) -> ProductArchivePayload:
        key, version = read_id(PREFIX, input.id), given(input).get("expected_version")
        if key is None:
            return ProductArchivePayload(product=None, user_errors=user_errors(products.NOT_FOUND))
        outcome = await info.context.database.transact(
            lambda t: products.archive(t, key, archived=input.archived, expected_version=version)
        )
        return ProductArchivePayload(**_payload(outcome))

    @strawberry.mutation(
        description="Keeps a picture, drawn anew without anything that came with it. One that no product takes within "
        "a day is deleted."
    )
    async def product_media_upload(self, info: Info, file: UploadedFile) -> ProductMediaUploadPayload:
        gallery = info.context.services.gallery
        with told_when_busy(info):
            outcome = await gallery.add(info.context.database, file.content)
        if isinstance(outcome, Refusal):
            return ProductMediaUploadPayload(media=None, user_errors=user_errors(outcome))
        return ProductMediaUploadPayload(media=refer(outcome), user_errors=[])


def _payload(outcome: UUID | list[Refusal]) -> dict[str, Any]:
    if isinstance(outcome, list):
        return {"product": None, "user_errors": user_errors(outcome)}
    return {"product": refer(outcome), "user_errors": []}


def _drafts(changes: dict[str, Any]) -> dict[str, Any]:
    """The lists of inputs that were given, as the rules know them."""
    makers = {"variants": _variants, "alterations": _offers, "media": _pictures}
    return {name: make(changes[name] or ()) for name, make in makers.items() if name in changes}


def _variants(inputs: Sequence[VariantInput]) -> list[VariantDraft]:
    drafts = []
    for one in inputs:
        sent = given(one)
        shown = sent.get("id")
        key = None if shown is None else read_id(VARIANT_PREFIX, shown)
        drafts.append(
            VariantDraft(
                sku=one.sku,
                prices=amounts_of(one.prices),
                id=key,
                size=sent.get("size"),
                color=sent.get("color"),
                weight_grams=sent.get("weight_grams"),
                compare_at=amounts_of(sent.get("compare_at_prices") or []),
                unknown=shown is not None and key is None,
            )
        )
    return drafts


def _offers(inputs: Sequence[AlterationServiceInput]) -> list[OfferDraft]:
    return [OfferDraft(one.kind, one.days, amounts_of(one.prices)) for one in inputs]


def _pictures(inputs: Sequence[ProductMediaInput]) -> list[PictureDraft]:
    return [PictureDraft(read_id(MEDIA_PREFIX, one.id), given(one).get("alt")) for one in inputs]
