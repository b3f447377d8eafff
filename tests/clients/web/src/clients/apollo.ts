import { createHash } from 'node:crypto'
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, ServerError } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { headersOf, Refusal, type Api, type Credentials } from '../visitor.ts'
import type { Wire } from '../wire.ts'

/** Apollo Client with persisted queries by GET. */
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
  return new ApolloClient({
    link: ApolloLink.from([identify, persist, new HttpLink({ uri: url, fetch: wire.fetch })]),
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
  }
}

function refuse(error: unknown): never {
  if (CombinedGraphQLErrors.is(error)) throw new Refusal(error.errors)
  if (ServerError.is(error)) throw new Refusal(JSON.parse(error.bodyText).errors)
  throw error
}
