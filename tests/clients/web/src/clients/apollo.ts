import { createHash } from 'node:crypto'
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, ServerError } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { SetContextLink } from '@apollo/client/link/context'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { OperationTypeNode } from 'graphql'
import { News } from '../news.ts'
import { headersOf, Refusal, type Api, type Credentials, type Variables } from '../visitor.ts'
import type { Wire } from '../wire.ts'
import { socketTo } from './sockets.ts'

/** Apollo Client with persisted queries by GET, and subscriptions over a socket. */
export function apolloClient(
  url: string,
  wire: Wire,
  credentials: Credentials,
  cache = new InMemoryCache(),
): ApolloClient {
  const identify = new SetContextLink(({ headers }) => ({ headers: { ...headers, ...headersOf(credentials) } }))
  const persist = new PersistedQueryLink({
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
    useGETForHashedQueries: true,
  })
  const overHttp = ApolloLink.from([identify, persist, new HttpLink({ uri: url, fetch: wire.fetch })])
  const overSocket = new GraphQLWsLink(socketTo(url, credentials))
  return new ApolloClient({
    link: ApolloLink.split(({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION, overSocket, overHttp),
    cache,
    defaultOptions: { query: { fetchPolicy: 'network-only' } },
  })
}

/** The same as the journeys see it. */
export function apollo(url: string, wire: Wire, credentials: Credentials): Api {
  const client = apolloClient(url, wire, credentials)
  return {
    async query(query, variables) {
      const { data } = await client.query({ query, variables }).catch(refuse)
      if (data === undefined) throw new Error('an answer without data')
      return data
    },
    async mutate(mutation, variables) {
      const { data } = await client.mutate({ mutation, variables }).catch(refuse)
      if (data === undefined) throw new Error('an answer without data')
      return data
    },
    follow<Data, V extends Variables>(query: TypedDocumentNode<Data, V>, variables: V) {
      const news = new News<Data>()
      const following = client.subscribe({ query, variables }).subscribe({
        next: ({ data, error }) => news.tell(error ? refusal(error) : (data as Data)),
        error: (error) => news.tell(refusal(error)),
      })
      news.stop = () => following.unsubscribe()
      return news
    },
  }
}

function refuse(error: unknown): never {
  throw refusal(error)
}

function refusal(error: unknown): Error {
  if (CombinedGraphQLErrors.is(error)) return new Refusal(error.errors)
  if (ServerError.is(error)) return new Refusal(JSON.parse(error.bodyText).errors)
  return error as Error
}
