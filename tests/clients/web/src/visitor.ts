import assert from 'node:assert/strict'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import type { News } from './news.ts'
import { SignInDocument, WhoAmIDocument, type SignInInput, type ViewerKind } from './generated.ts'
import { shop } from './shop.ts'
import { Wire } from './wire.ts'

export type Variables = Record<string, any>

/** What the journeys need of a client, whichever it is. Calls reject, and news end, with `Refusal` where there are errors. */
export interface Api {
  query<Data, V extends Variables>(document: TypedDocumentNode<Data, V>, variables: V): Promise<Data>
  mutate<Data, V extends Variables>(document: TypedDocumentNode<Data, V>, variables: V): Promise<Data>
  follow<Data, V extends Variables>(document: TypedDocumentNode<Data, V>, variables: V): News<Data>
}

/** The errors of an answer, by their codes. */
export class Refusal extends Error {
  readonly codes: readonly unknown[]

  constructor(errors: readonly { message: string; extensions?: Record<string, unknown> | undefined }[]) {
    super(errors.map((error) => error.message).join('; '))
    this.codes = errors.map((error) => error.extensions?.['code'])
  }
}

/** What a client sends along with each operation. */
export interface Credentials {
  token: string | null
  /** Shows that the request is no other site's: a cookie is nothing without it. */
  csrfProof: boolean
}

export type Connect = (url: string, wire: Wire, credentials: Credentials) => Api

export function headersOf(credentials: Credentials): Record<string, string> {
  return {
    ...(credentials.token === null ? {} : { authorization: `Bearer ${credentials.token}` }),
    ...(credentials.csrfProof ? { 'x-layette-csrf': '1' } : {}),
  }
}

/** A device with a client, signed in or not. */
export class Visitor {
  readonly wire = new Wire()
  readonly credentials: Credentials = { token: null, csrfProof: false }
  readonly api: Api

  constructor(connect: Connect) {
    this.api = connect(shop.api, this.wire, this.credentials)
  }

  async signIn(input: SignInInput): Promise<void> {
    const { signIn } = await this.api.mutate(SignInDocument, { input })
    assert.deepEqual(signIn.userErrors, [])
    assert.ok(signIn.session)
    this.credentials.token = signIn.session.token
  }

  async kind(): Promise<ViewerKind> {
    return (await this.api.query(WhoAmIDocument, {})).viewer.kind
  }
}

/** One of the seeded customers, signed in. */
export async function customer(connect: Connect, email: string): Promise<Visitor> {
  const visitor = new Visitor(connect)
  await visitor.signIn({ identifier: email, password: shop.password })
  return visitor
}

export function codes(userErrors: readonly { code: string }[]): string[] {
  return userErrors.map((error) => error.code)
}

/** The call is refused, with this one error. */
export async function refusedWith(code: string, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Refusal, String(error))
    assert.deepEqual(error.codes, [code])
    return true
  })
}
