import assert from 'node:assert/strict'
import {
  OrderPageDocument,
  OrdersDocument,
  ProductPageDocument,
  ThingsDocument,
  type OrderCardFragment,
  type OrderPageQuery,
  type OrdersQuery,
} from '../generated.ts'
import type { Api } from '../visitor.ts'

const PAGE = 7

/** Through one's orders, newest first, both ways; then into some. Answers the id of one. */
export async function lookBack(api: Api): Promise<string> {
  const orders = await forwards(api)
  assert.ok(orders.length > PAGE)
  assert.equal(new Set(orders.map((order) => order.number)).size, orders.length)
  const placed = orders.map((order) => Date.parse(order.placedAt))
  assert.deepEqual(placed, [...placed].sort((one, other) => other - one))
  const { me } = await api.query(OrdersDocument, { last: PAGE })
  assert.deepEqual(me?.orders?.edges.map((edge) => edge.node), orders.slice(-PAGE))
  for (const card of orders.slice(0, 3)) {
    const { order } = await api.query(OrderPageDocument, { id: card.id })
    assert.ok(order)
    assert.equal(order.number, card.number)
    await check(api, order)
  }
  const [latest] = orders
  assert.ok(latest)
  return latest.id
}

async function forwards(api: Api): Promise<OrderCardFragment[]> {
  const found: OrderCardFragment[] = []
  let after: string | null = null
  do {
    const { me }: OrdersQuery = await api.query(OrdersDocument, { first: PAGE, after })
    assert.ok(me?.orders)
    found.push(...me.orders.edges.map((edge) => edge.node))
    after = me.orders.pageInfo.hasNextPage ? me.orders.pageInfo.endCursor : null
  } while (after !== null)
  return found
}

async function check(api: Api, order: NonNullable<OrderPageQuery['order']>): Promise<void> {
  const sum = order.lines.reduce((cents, line) => cents + inCents(line.total.amount), 0)
  assert.equal(sum, inCents(order.subtotal.amount))
  const beforeTax = sum - inCents(order.discountTotal.amount) + inCents(order.shippingTotal.amount)
  assert.ok([0, inCents(order.taxTotal.amount)].includes(inCents(order.total.amount) - beforeTax))
  assert.ok(order.contact?.email)
  for (const { variant } of order.lines) {
    if (variant === null) continue
    const { product } = await api.query(ProductPageDocument, { slug: variant.product.slug })
    assert.ok(product)
  }
}

function inCents(amount: string): number {
  return Math.round(Number(amount) * 100)
}

/** Whose order it is not, does not see that there is one. */
export async function tryAsStranger(api: Api, id: string): Promise<void> {
  assert.equal((await api.query(OrderPageDocument, { id })).order, null)
  assert.deepEqual((await api.query(ThingsDocument, { ids: [id] })).nodes, [null])
}
