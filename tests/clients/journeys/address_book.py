"""Keeping an address book: as its owner, and as somebody else who knows an id from it."""

from layette_client import LayetteClient
from layette_client.enums import AddressKind, UserErrorCode
from layette_client.fragments import AddressCard
from layette_client.input_types import AddressCreateInput, AddressSetDefaultInput, AddressUpdateInput

from tests.clients.journeys.visitor import codes


async def fill_in_the_form(api: LayetteClient) -> None:
    """What the form asks for is what the country's post wants."""
    form = (await api.address_form("US")).address_format
    assert form is not None
    assert {"line1", "city", "region", "postalCode"} <= set(form.required)
    assert "CA" in {region.code for region in form.regions}
    assert (await api.address_form("XX")).address_format is None


async def keep_addresses(api: LayetteClient) -> str:
    """Creates two, corrects one, chooses defaults, deletes one. Answers the id of the one that is left."""
    home, work = await _home(api), await _work(api)
    corrected = (
        await api.update_address(AddressUpdateInput(id=home.id, expectedVersion=home.version, line2="Top bell"))
    ).address_update
    assert not corrected.user_errors
    assert corrected.address is not None
    assert corrected.address.version == home.version + 1
    assert corrected.address.model_dump(exclude={"version", "line_2"}) == home.model_dump(exclude={"version", "line_2"})
    stale = AddressUpdateInput(id=home.id, expectedVersion=home.version, label="Old")
    assert codes((await api.update_address(stale)).address_update.user_errors) == [UserErrorCode.VERSION_CONFLICT]
    await _choose_defaults(api, home, work)
    assert (await api.delete_address(work.id)).address_delete.deleted_id == work.id
    again = (await api.delete_address(work.id)).address_delete
    assert again.deleted_id is None
    assert codes(again.user_errors) == [UserErrorCode.NOT_FOUND]
    book = (await api.address_book()).me
    assert book is not None
    assert book.addresses == [corrected.address]
    assert book.default_billing_address is None
    return home.id


async def _home(api: LayetteClient) -> AddressCard:
    draft = AddressCreateInput(
        label="Home",
        recipientName="Ada Example",
        line1="12 Long Acre",
        city="London",
        postalCode="wc2e9lh",
        countryCode="gb",
        phone="020 7946 0018",
        kinds=[AddressKind.SHIPPING],
    )
    wrong = draft.model_copy(update={"postal_code": "12345", "phone": "1"})
    refused = (await api.create_address(wrong)).address_create
    assert refused.address is None
    assert {tuple(each.field or []) for each in refused.user_errors} == {("postalCode",), ("phone",)}
    assert set(codes(refused.user_errors)) == {UserErrorCode.INVALID}
    created = (await api.create_address(draft)).address_create
    assert not created.user_errors
    assert created.address is not None
    assert (created.address.postal_code, created.address.phone) == ("WC2E 9LH", "+442079460018")
    return created.address


async def _work(api: LayetteClient) -> AddressCard:
    draft = AddressCreateInput(
        recipientName="Ada Example",
        line1="1 Main St",
        city="Portland",
        region="Oregon",
        postalCode="97201",
        countryCode="US",
        kinds=[AddressKind.BILLING],
    )
    created = (await api.create_address(draft)).address_create
    assert created.address is not None, created.user_errors
    assert created.address.region == "OR"
    return created.address


async def _choose_defaults(api: LayetteClient, home: AddressCard, work: AddressCard) -> None:
    book = (await api.address_book()).me
    assert book is not None
    assert book.default_shipping_address is not None
    assert book.default_billing_address is not None
    assert (book.default_shipping_address.id, book.default_billing_address.id) == (home.id, work.id)
    wanted = AddressSetDefaultInput(id=work.id, kind=AddressKind.SHIPPING)
    changed = (await api.set_default_address(wanted)).address_set_default.customer
    assert changed is not None
    assert changed.default_shipping_address is not None
    assert changed.default_shipping_address.id == work.id
    none = AddressSetDefaultInput(id=work.id, kind=AddressKind.MAILING)
    refused = (await api.set_default_address(none)).address_set_default
    assert codes(refused.user_errors) == [UserErrorCode.INVALID]


async def try_as_stranger(api: LayetteClient, address_id: str) -> None:
    """An address of another's is as one that never was."""
    update = AddressUpdateInput(id=address_id, label="Mine")
    default = AddressSetDefaultInput(id=address_id, kind=AddressKind.BILLING)
    assert codes((await api.update_address(update)).address_update.user_errors) == [UserErrorCode.NOT_FOUND]
    assert codes((await api.delete_address(address_id)).address_delete.user_errors) == [UserErrorCode.NOT_FOUND]
    refused = (await api.set_default_address(default)).address_set_default
    assert codes(refused.user_errors) == [UserErrorCode.NOT_FOUND]
    assert (await api.things([address_id])).nodes == [None]
