import { Client, cacheExchange, fetchExchange, type CombinedError, type OperationResult } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import { headersOf, Refusal, type Api, type Credentials } from '../visitor.ts'
import type { Wire } from '../wire.ts'

/** urql's core, which its bindings for React, Vue and Svelte share, with persisted queries by GET. */
export function urql(url: string, wire: Wire, credentials: Credentials): Api {
  const client = new Client({
    url,
    fetch: wire.fetch,
    fetchOptions: () => ({ headers: headersOf(credentials) }),
    exchanges: [cacheExchange, persistedExchange({ enableForMutation: true }), fetchExchange],
    requestPolicy: 'network-only',
    preferGetMethod: false,
  })
  return {
    query: async (document, variables) => dataOf(await client.query(document, variables).toPromise()),
    mutate: async (document, variables) => dataOf(await client.mutation(document, variables).toPromise()),
  }
}

function dataOf<Data>(result: OperationResult<Data>): Data {
  if (result.error) throw refusal(result.error)
  if (result.data === undefined) throw new Error('an answer without data')
  return result.data
}

function refusal(error: CombinedError): Error {
  return error.graphQLErrors.length > 0 ? new Refusal(error.graphQLErrors) : error
}
