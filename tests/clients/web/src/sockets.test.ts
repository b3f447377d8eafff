import assert from 'node:assert/strict'
import { test } from 'node:test'
import { print } from 'graphql'
import type { Client } from 'graphql-ws'
import { apollo } from './clients/apollo.ts'
import { socketTo } from './clients/sockets.ts'
import { MeDocument, OrderUpdatesDocument, SignOutDocument, WhoAmIDocument } from './generated.ts'
import { buy } from './journeys/liveOrders.ts'
import { shop } from './shop.ts'
import { customer } from './visitor.ts'

/** Everything over one socket, with graphql-ws alone: queries, mutations and subscriptions side by side. */
test('a socket carries every kind of operation', async () => {
  const { api, credentials } = await customer(apollo, 'customer9@example.com')
  const order = await buy(api)
  const socket = socketTo(shop.api, credentials)
  const updates = socket.iterate({ query: print(OrderUpdatesDocument), variables: { id: order.id, current: true } })
  const { number, version } = (await updates.next()).value?.data?.['orderUpdated'] as typeof order
  assert.deepEqual([number, version], [order.number, order.version])
  assert.equal((await one(socket, print(MeDocument))).me.email, 'customer9@example.com')
  assert.equal((await one(socket, print(WhoAmIDocument))).viewer.kind, 'CUSTOMER')
  assert.equal((await one(socket, print(SignOutDocument))).signOut.signedOut, true)
  assert.equal((await one(socket, print(WhoAmIDocument))).viewer.kind, 'ANONYMOUS')
  await assert.rejects(updates.next(), (errors: { extensions: { code: string } }[]) => {
    assert.deepEqual(errors.map((error) => error.extensions.code), ['UNAUTHENTICATED'])
    return true
  })
  await socket.dispose()
})

async function one(socket: Client, query: string): Promise<any> {
  for await (const { data } of socket.iterate({ query })) return data
  return assert.fail('no answer')
}
