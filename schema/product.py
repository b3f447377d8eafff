"""Products, as staff write them."""

import strawberry

from auth.permissions import ANYONE
from models.catalogue import AlterationKind, Audience, MeasurementName, TaxCategory
from reads.declare import referenced, value
from schema.catalogue import EDITORS, Media, Product
from schema.errors import UserError
from schema.money import MoneyInput

PREFIX = "prd"
VARIANT_PREFIX = "var"
MEDIA_PREFIX = "med"


@strawberry.input(
    description="A variant is known again by `id`, or without one by the SKU that it has; else it is new. One price a "
    "currency, of which one is the shop's first. A `compareAtPrices` entry is no lower than the price."
)
class VariantInput:
    id: strawberry.ID | None = strawberry.UNSET
    sku: str
    size: str | None = strawberry.UNSET
    color: str | None = strawberry.UNSET
    weight_grams: int | None = strawberry.UNSET
    prices: list[MoneyInput]
    compare_at_prices: list[MoneyInput] | None = strawberry.UNSET


@strawberry.input(description="What the tailor offers for the product. MADE_TO_MEASURE is none: say customMade.")
class AlterationServiceInput:
    kind: AlterationKind
    prices: list[MoneyInput]
    days: int


@strawberry.input(description="A picture of productMediaUpload, or one that the product has.")
class ProductMediaInput:
    id: strawberry.ID
    alt: str | None = strawberry.UNSET


@strawberry.input(
    description="Without `id` it is a new product: slug, name and variants are required. What is left out stays as it "
    "is; a given list replaces the old one, and variants that it leaves out are archived. Brand and categories are "
    "named by slug."
)
class ProductSaveInput:
    id: strawberry.ID | None = strawberry.UNSET
    expected_version: int | None = strawberry.UNSET
    slug: str | None = strawberry.UNSET
    name: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    care_instructions: str | None = strawberry.UNSET
    brand: str | None = strawberry.UNSET
    categories: list[str] | None = strawberry.UNSET
    audience: list[Audience] | None = strawberry.UNSET
    custom_made: bool | None = strawberry.UNSET
    required_measurements: list[MeasurementName] | None = strawberry.UNSET
    tax_category: TaxCategory | None = strawberry.UNSET
    alterations: list[AlterationServiceInput] | None = strawberry.UNSET
    media: list[ProductMediaInput] | None = strawberry.UNSET
    variants: list[VariantInput] | None = strawberry.UNSET


@value(readers=EDITORS)
class ProductSavePayload:
    product: Product | None = referenced(readers=ANYONE)
    user_errors: list[UserError]


@strawberry.input
class ProductArchiveInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.UNSET
    archived: bool = True


@value(readers=EDITORS)
class ProductArchivePayload:
    product: Product | None = referenced(readers=ANYONE)
    user_errors: list[UserError]


@value(readers=EDITORS)
class ProductMediaUploadPayload:
    """The picture is on no product yet: productSave puts it on one, within a day."""

    media: Media | None = referenced()
    user_errors: list[UserError]
