import { createClient, type Client } from 'graphql-ws'
import { headersOf, type Credentials } from '../visitor.ts'

/** The socket that both clients share the way of: opened when first needed, and told who is asking. */
export function socketTo(url: string, credentials: Credentials): Client {
  return createClient({ url: url.replace('http', 'ws'), connectionParams: () => headersOf(credentials) })
}
