import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import {
  Client,
  cacheExchange,
  fetchExchange,
  subscriptionExchange,
  type CombinedError,
  type OperationResult,
} from '@urql/core'
import type { Sink } from 'graphql-ws'
import { persistedExchange } from '@urql/exchange-persisted'
import { News } from '../news.ts'
import { headersOf, Refusal, type Api, type Credentials, type Variables } from '../visitor.ts'
import type { Wire } from '../wire.ts'
import { socketTo } from './sockets.ts'

/** urql's core, which its bindings for React, Vue and Svelte share: persisted queries by GET, subscriptions by socket. */
export function urql(url: string, wire: Wire, credentials: Credentials): Api {
  const socket = socketTo(url, credentials)
  const overSocket = subscriptionExchange({
    forwardSubscription: ({ query = '', ...request }) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query }, sink as Sink) }),
    }),
  })
  const client = new Client({
    url,
    fetch: wire.fetch,
    fetchOptions: () => ({ headers: headersOf(credentials) }),
    exchanges: [cacheExchange, persistedExchange({ enableForMutation: true }), fetchExchange, overSocket],
    requestPolicy: 'network-only',
    preferGetMethod: false,
  })
  return {
    query: async (document, variables) => dataOf(await client.query(document, variables).toPromise()),
    mutate: async (document, variables) => dataOf(await client.mutation(document, variables).toPromise()),
    follow<Data, V extends Variables>(document: TypedDocumentNode<Data, V>, variables: V) {
      const news = new News<Data>()
      const following = client.subscription(document, variables).subscribe(({ data, error }) => {
        if (error) news.tell(refusal(error))
        else if (data !== undefined) news.tell(data)
      })
      news.stop = () => following.unsubscribe()
      return news
    },
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
