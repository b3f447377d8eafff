import assert from 'node:assert/strict'
import {
  AddressBookDocument,
  AddressFormDocument,
  CreateAddressDocument,
  DeleteAddressDocument,
  SetDefaultAddressDocument,
  ThingsDocument,
  UpdateAddressDocument,
  type AddressCardFragment,
  type AddressCreateInput,
} from '../generated.ts'
import { codes, type Api } from '../visitor.ts'

const BERLIN: AddressCreateInput = {
  label: 'Zuhause',
  recipientName: 'Ada Example',
  line1: 'Torstraße 1',
  city: 'Berlin',
  postalCode: '10119',
  countryCode: 'de',
  phone: '030 23125 123',
  kinds: ['SHIPPING', 'BILLING'],
}
const PORTLAND: AddressCreateInput = {
  recipientName: 'Ada Example',
  line1: '1 Main St',
  city: 'Portland',
  region: 'Oregon',
  postalCode: '97201',
  countryCode: 'US',
}

/** Creates two, corrects one, chooses a default, deletes one. Answers the id of the one that is left. */
export async function keepAddresses(api: Api): Promise<string> {
  const { addressFormat } = await api.query(AddressFormDocument, { countryCode: 'DE' })
  assert.ok(addressFormat?.postalCodePattern)
  assert.match('10119', new RegExp(`^(?:${addressFormat.postalCodePattern})$`))
  await beRefused(api)
  const home = await create(api, BERLIN)
  assert.equal(home.phone, '+493023125123')
  const abroad = await create(api, PORTLAND)
  assert.equal(abroad.region, 'OR')
  await correct(api, home)
  await chooseDefault(api, abroad, home)
  const { addressDelete } = await api.mutate(DeleteAddressDocument, { id: abroad.id })
  assert.equal(addressDelete.deletedId, abroad.id)
  const { me } = await api.query(AddressBookDocument, {})
  assert.deepEqual(me?.addresses?.map((address) => address.id), [home.id])
  assert.equal(me?.defaultShippingAddress, null)
  assert.equal(me?.defaultBillingAddress?.id, home.id)
  return home.id
}

async function beRefused(api: Api): Promise<void> {
  const { addressCreate } = await api.mutate(CreateAddressDocument, {
    input: { ...BERLIN, postalCode: '1011', phone: '1', city: '' },
  })
  assert.equal(addressCreate.address, null)
  const fields = addressCreate.userErrors.map((error) => [error.field?.join('.'), error.code])
  assert.deepEqual(fields.sort(), [['city', 'REQUIRED'], ['phone', 'INVALID'], ['postalCode', 'INVALID']])
}

async function create(api: Api, input: AddressCreateInput): Promise<AddressCardFragment> {
  const { addressCreate } = await api.mutate(CreateAddressDocument, { input })
  assert.deepEqual(addressCreate.userErrors, [])
  assert.ok(addressCreate.address)
  return addressCreate.address
}

async function correct(api: Api, address: AddressCardFragment): Promise<void> {
  const input = { id: address.id, expectedVersion: address.version, line2: 'Hinterhaus', label: null }
  const { addressUpdate } = await api.mutate(UpdateAddressDocument, { input })
  assert.deepEqual(addressUpdate.userErrors, [])
  assert.deepEqual(addressUpdate.address, {
    ...address,
    version: address.version + 1,
    line2: 'Hinterhaus',
    label: null,
  })
  const again = await api.mutate(UpdateAddressDocument, { input })
  assert.deepEqual(codes(again.addressUpdate.userErrors), ['VERSION_CONFLICT'])
}

async function chooseDefault(api: Api, chosen: AddressCardFragment, before: AddressCardFragment): Promise<void> {
  const book = await api.query(AddressBookDocument, {})
  assert.equal(book.me?.defaultShippingAddress?.id, before.id)
  const { addressSetDefault } = await api.mutate(SetDefaultAddressDocument, {
    input: { id: chosen.id, kind: 'SHIPPING' },
  })
  assert.equal(addressSetDefault.customer?.defaultShippingAddress?.id, chosen.id)
  assert.equal(addressSetDefault.customer?.defaultBillingAddress?.id, before.id)
}

/** An address of another's is as one that never was. */
export async function tryAsStranger(api: Api, id: string): Promise<void> {
  const { addressUpdate } = await api.mutate(UpdateAddressDocument, { input: { id, label: 'Mine' } })
  const { addressDelete } = await api.mutate(DeleteAddressDocument, { id })
  const { addressSetDefault } = await api.mutate(SetDefaultAddressDocument, { input: { id, kind: 'BILLING' } })
  for (const { userErrors } of [addressUpdate, addressDelete, addressSetDefault]) {
    assert.deepEqual(codes(userErrors), ['NOT_FOUND'])
  }
  assert.deepEqual((await api.query(ThingsDocument, { ids: [id] })).nodes, [null])
}
