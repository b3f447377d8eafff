import assert from 'node:assert/strict'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { parse, print } from 'graphql'
import { MeDocument, ShelvesDocument, SignOutDocument, type ShelvesQuery } from '../generated.ts'
import { customer, Visitor, type Connect } from '../visitor.ts'

/** A document that this server has never seen. */
function freshDocument(): TypedDocumentNode<ShelvesQuery, Record<string, never>> {
  const name = `Shelves_${crypto.randomUUID().replaceAll('-', '')}`
  return parse(print(ShelvesDocument).replace('Shelves', name))
}

/** A document goes over the network once; then its hash does, in a GET that anyone may keep for a while. */
export async function sendDocumentsOnce(connect: Connect): Promise<void> {
  const { api, wire } = new Visitor(connect)
  const document = freshDocument()
  const first = await wire.during(() => api.query(document, {}))
  assert.deepEqual(first.map((exchange) => exchange.withDocument), [false, true])
  const then = await wire.during(() => api.query(document, {}))
  assert.deepEqual(then.map((exchange) => [exchange.method, exchange.withDocument, exchange.status]), [['GET', false, 200]])
  const [kept] = then
  assert.ok(kept)
  assert.match(kept.headers.get('cache-control') ?? '', /^public, max-age=[1-9]\d*$/)
  const again = await fetch(kept.url, {
    headers: { 'if-none-match': kept.headers.get('etag') ?? '', accept: kept.accept },
  })
  assert.equal(again.status, 304)
}

/** What is somebody's own may be asked for by GET too, and is kept nowhere; what changes something is posted. */
export async function keepWhatIsPrivate(connect: Connect): Promise<void> {
  const { api, wire } = await customer(connect, 'customer4@example.com')
  await api.query(MeDocument, {})
  const [own, ...more] = await wire.during(() => api.query(MeDocument, {}))
  assert.deepEqual(more, [])
  assert.deepEqual([own?.method, own?.withDocument, own?.headers.get('cache-control')], ['GET', false, 'no-store'])
  const posted = await wire.during(() => api.mutate(SignOutDocument, {}))
  assert.ok(posted.length > 0)
  assert.ok(posted.every((exchange) => exchange.method === 'POST'))
}
