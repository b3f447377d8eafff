import assert from 'node:assert/strict'
import {
  BrowseDocument,
  CountsDocument,
  ProductPageDocument,
  ShelvesDocument,
  ShopDocument,
  ThingsDocument,
  type BrowseQuery,
  type BrowseQueryVariables,
  type CountsQuery,
  type ProductCardFragment,
  type ProductFacetKind,
} from '../generated.ts'
import { refusedWith, type Api } from '../visitor.ts'

const PAGE = 30

/** What a shop window needs: the name, the currencies, the shelves. */
export async function enter(api: Api): Promise<void> {
  const { shop } = await api.query(ShopDocument, {})
  assert.equal(shop.name, 'Layette')
  assert.ok(shop.currencies.includes('EUR') && shop.shipsTo.includes('DE'))
  const { categories, brands } = await api.query(ShelvesDocument, {})
  const coats = categories.find((shelf) => shelf.slug === 'women-coats')
  assert.equal(coats?.parent?.slug, 'women')
  const women = categories.find((shelf) => shelf.slug === 'women')
  assert.ok(women?.children.some((shelf) => shelf.slug === 'women-coats'))
  assert.ok(new Set(brands.map((brand) => brand.slug)).size > 1)
}

/** Through the whole list forwards and backwards, dearest first: the same products, each once. */
export async function turnPages(api: Api): Promise<void> {
  const forwards = await pages(api, { first: PAGE }, ({ hasNextPage, endCursor }) =>
    hasNextPage ? { first: PAGE, after: endCursor } : null,
  )
  const backwards = await pages(api, { last: PAGE }, ({ hasPreviousPage, startCursor }) =>
    hasPreviousPage ? { last: PAGE, before: startCursor } : null,
  )
  const { products } = await api.query(CountsDocument, {})
  assert.ok(products.totalCount > PAGE)
  const cards = forwards.flat()
  assert.equal(new Set(cards.map((card) => card.id)).size, cards.length)
  assert.equal(cards.length, products.totalCount)
  const prices = cards.map((card) => Number(card.priceRange.maximum.amount))
  assert.deepEqual(prices, [...prices].sort((one, other) => other - one))
  assert.deepEqual(backwards.reverse().flat(), cards)
}

type PageInfo = BrowseQuery['products']['pageInfo']

async function pages(
  api: Api,
  begin: BrowseQueryVariables,
  next: (info: PageInfo) => BrowseQueryVariables | null,
): Promise<ProductCardFragment[][]> {
  const found: ProductCardFragment[][] = []
  let page: BrowseQueryVariables | null = begin
  while (page !== null) {
    const { products }: BrowseQuery = await api.query(BrowseDocument, {
      ...page,
      sort: 'PRICE_DESCENDING',
      filter: { currencyCode: 'CAD' },
      currencyCode: 'CAD',
    })
    found.push(products.edges.map((edge) => edge.node))
    page = next(products.pageInfo)
  }
  return found
}

/** By filters, and by what their counts promise. */
export async function narrowDown(api: Api): Promise<void> {
  const filter = { audience: 'WOMEN', minPrice: '100.00', currencyCode: 'USD', category: 'women' } as const
  const { products: page } = await api.query(BrowseDocument, { first: 100, filter, currencyCode: 'USD' })
  assert.ok(page.edges.length > 0)
  for (const { node } of page.edges) {
    assert.ok(node.audience.includes('WOMEN'))
    assert.ok(Number(node.priceRange.maximum.amount) >= 100)
  }
  const { products: counts } = await api.query(CountsDocument, { filter })
  assert.equal(counts.totalCount, page.edges.length)
  const shelves = facet(counts, 'CATEGORY').filter((value) => value.value !== filter.category)
  for (const { value, count } of shelves.slice(0, 2)) {
    const { products } = await api.query(CountsDocument, { filter: { ...filter, category: value } })
    assert.equal(products.totalCount, count, value)
  }
}

function facet(counts: CountsQuery['products'], kind: ProductFacetKind) {
  const found = counts.facets.find((each) => each.kind === kind)
  assert.ok(found)
  return found.values
}

/** With a letter left out, among the words of a name. */
export async function search(api: Api): Promise<void> {
  for (const words of ['nocturne nightdress', 'nocturne nightdres']) {
    const { products } = await api.query(BrowseDocument, { first: 10, filter: { search: words }, sort: 'RELEVANCE' })
    assert.equal(products.edges[0]?.node.name, 'Nocturne Cotton Nightdress', words)
  }
  const { products } = await api.query(BrowseDocument, { first: 10, filter: { search: 'xylophone zeppelin' } })
  assert.deepEqual(products.edges, [])
}

/** Everything a product's page shows, and finding it by its id. */
export async function lookAtOne(api: Api): Promise<void> {
  const { product } = await api.query(ProductPageDocument, { slug: 'sorrel-wool-coat', currencyCode: 'EUR' })
  assert.ok(product)
  const prices = product.variants.map((variant) => Number(variant.price?.amount))
  assert.equal(Number(product.priceRange.minimum.amount), Math.min(...prices))
  assert.equal(Number(product.priceRange.maximum.amount), Math.max(...prices))
  assert.equal(product.priceRange.minimum.currencyCode, 'EUR')
  assert.deepEqual(product.categories.map((shelf) => shelf.slug), ['women-coats'])
  assert.ok(product.reviews.edges.length > 0 && product.rating.count >= product.reviews.edges.length)
  const { nodes } = await api.query(ThingsDocument, { ids: [product.id, `prd_${'0'.repeat(32)}`] })
  const [found, nothing] = nodes
  assert.ok(found?.__typename === 'Product' && found.name === product.name)
  assert.equal(nothing, null)
}

/** What is wrong is told with a code. */
export async function askTooMuch(api: Api): Promise<void> {
  const { product } = await api.query(ProductPageDocument, { slug: 'no-such-thing' })
  assert.equal(product, null)
  await refusedWith('BAD_USER_INPUT', api.query(BrowseDocument, { first: 1_000_000 }))
}
