import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InMemoryCache } from '@apollo/client'
import { relayStylePagination } from '@apollo/client/utilities'
import { apollo, apolloClient } from './clients/apollo.ts'
import {
  AddressBookDocument,
  BrowseDocument,
  CreateAddressDocument,
  DeleteAddressDocument,
  UpdateAddressDocument,
} from './generated.ts'
import { goThroughTheShop } from './journeys/index.ts'
import { shop } from './shop.ts'
import { customer } from './visitor.ts'
import { Wire } from './wire.ts'

goThroughTheShop(apollo)

test("pages are joined to one list by Apollo's own rule", async () => {
  const cache = new InMemoryCache({
    typePolicies: { Query: { fields: { products: relayStylePagination(['filter', 'sort']) } } },
  })
  const client = apolloClient(shop.api, new Wire(), { token: null, csrfProof: false }, cache)
  const variables = { first: 10, sort: 'NEWEST' } as const
  const { data } = await client.query({ query: BrowseDocument, variables })
  const after = data?.products.pageInfo.endCursor ?? null
  await client.query({ query: BrowseDocument, variables: { ...variables, after } })
  const list = client.readQuery({ query: BrowseDocument, variables })
  assert.equal(new Set(list?.products.edges.map((edge) => edge.node.id)).size, 20)
})

test('what a mutation answers with is enough to keep the cache right', async () => {
  const wire = new Wire()
  const { credentials } = await customer(apollo, 'customer5@example.com')
  const client = apolloClient(shop.api, wire, credentials)
  const labels = () => client.readQuery({ query: AddressBookDocument })?.me?.addresses?.map((each) => each.label)
  const created = await client.mutate({
    mutation: CreateAddressDocument,
    variables: {
      input: { label: 'Old', recipientName: 'A B', line1: '5 rue du Lac', city: 'Lyon', postalCode: '69003', countryCode: 'FR' },
    },
  })
  const address = created.data?.addressCreate.address
  assert.ok(address)
  await client.query({ query: AddressBookDocument })
  const before = labels()
  assert.ok(before)
  assert.ok(before.includes('Old'))
  await client.mutate({ mutation: UpdateAddressDocument, variables: { input: { id: address.id, label: 'New' } } })
  assert.deepEqual(labels(), before.map((label) => (label === 'Old' ? 'New' : label)))
  const deleted = await client.mutate({ mutation: DeleteAddressDocument, variables: { id: address.id } })
  client.cache.evict({ id: `Address:${deleted.data?.addressDelete.deletedId}` })
  assert.deepEqual(labels(), before.filter((label) => label !== 'Old'))
})
