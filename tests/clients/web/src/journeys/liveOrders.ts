import assert from 'node:assert/strict'
import {
  BrowseDocument,
  CancelOrderDocument,
  CreateAddressDocument,
  CreateCartDocument,
  OrderUpdatesDocument,
  PlaceOrderDocument,
  ProductPageDocument,
  QuoteDocument,
  SignOutDocument,
  type PlacedOrderFragment,
} from '../generated.ts'
import type { Api } from '../visitor.ts'

/** So many that others who buy now do not take them away. */
const PLENTY = 8

/** Whatever there is, to be sent to Berlin. */
export async function buy(api: Api): Promise<PlacedOrderFragment> {
  const address = await newAddress(api)
  const lines = [{ variantId: await somethingToBuy(api), quantity: 1 }]
  const { cartCreate } = await api.mutate(CreateCartDocument, { input: { currencyCode: 'EUR', lines } })
  assert.deepEqual(cartCreate.userErrors, [])
  assert.ok(cartCreate.cart)
  const { cart } = await api.query(QuoteDocument, {
    cartId: cartCreate.cart.id,
    input: { shippingAddressId: address, shippingMethod: 'standard' },
  })
  assert.ok(cart)
  assert.deepEqual(cart.quote.userErrors, [])
  const { amount, currencyCode } = cart.quote.total
  const { orderPlace } = await api.mutate(PlaceOrderDocument, {
    input: {
      cartId: cart.id,
      expectedTotal: { amount, currencyCode },
      shippingAddressId: address,
      billingAddressId: address,
      shippingMethod: 'standard',
      gatewayToken: 'tok_visa',
      idempotencyKey: crypto.randomUUID(),
    },
  })
  assert.deepEqual(orderPlace.userErrors, [])
  assert.ok(orderPlace.order)
  assert.equal(orderPlace.order.total.amount, amount)
  return orderPlace.order
}

async function newAddress(api: Api): Promise<string> {
  const { addressCreate } = await api.mutate(CreateAddressDocument, {
    input: { recipientName: 'Ada Example', line1: 'Torstraße 1', city: 'Berlin', postalCode: '10119', countryCode: 'DE' },
  })
  assert.ok(addressCreate.address, JSON.stringify(addressCreate.userErrors))
  return addressCreate.address.id
}

async function somethingToBuy(api: Api): Promise<string> {
  const { products } = await api.query(BrowseDocument, { first: 50, filter: { available: true }, currencyCode: 'EUR' })
  for (const { node } of products.edges) {
    const { product } = await api.query(ProductPageDocument, { slug: node.slug, currencyCode: 'EUR' })
    if (product === null || product.customMade) continue
    const variant = product.variants.find((one) => one.quantityAvailable >= PLENTY && one.price !== null)
    if (variant) return variant.id
  }
  return assert.fail('there is nothing to buy')
}

/** The order as it is, then as it is once it was cancelled elsewhere. */
export async function watch(api: Api, order: PlacedOrderFragment): Promise<void> {
  const news = api.follow(OrderUpdatesDocument, { id: order.id, current: true })
  const { number, version } = (await news.next()).orderUpdated
  assert.deepEqual([number, version], [order.number, order.version])
  const input = { id: order.id, idempotencyKey: crypto.randomUUID() }
  const { orderCancel } = await api.mutate(CancelOrderDocument, { input })
  assert.deepEqual(orderCancel.userErrors, [])
  let update = (await news.next()).orderUpdated
  while (update.status !== 'CANCELLED') update = (await news.next()).orderUpdated
  assert.ok(update.version > order.version)
  news.stop()
}

/** Whoever is signed out elsewhere hears no more. */
export async function loseTheSession(api: Api, order: PlacedOrderFragment): Promise<void> {
  const news = api.follow(OrderUpdatesDocument, { id: order.id, current: true })
  assert.equal((await news.next()).orderUpdated.id, order.id)
  const { signOut } = await api.mutate(SignOutDocument, {})
  assert.equal(signOut.signedOut, true)
  assert.deepEqual(await news.end(), ['UNAUTHENTICATED'])
}

/** Whose order it is not, hears nothing of it. */
export async function tryAsStranger(api: Api, order: PlacedOrderFragment, code: string): Promise<void> {
  assert.deepEqual(await api.follow(OrderUpdatesDocument, { id: order.id, current: true }).end(), [code])
}
