import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { apollo } from './clients/apollo.ts'
import { urql } from './clients/urql.ts'
import { MeDocument, PolicyDocument, RegisterDocument, SignInDocument, SignOutDocument } from './generated.ts'
import { Mailbox } from './mailbox.ts'
import { shop } from './shop.ts'
import { codes, Visitor, type Connect } from './visitor.ts'

const SESSION = '__Host-layette'
const HANDED_OVER = /^__Host-layette=lys_\w+; Path=\/; Secure; HttpOnly; SameSite=Lax(; Max-Age=\d+)?$/
const WHO = `${shop.api}?query=${encodeURIComponent('{ viewer { kind } }')}`

/** A browser's page of the shop: it proves that its requests are its own, and no script of it sees the session. */
function browser(connect: Connect): Visitor {
  const visitor = new Visitor(connect)
  visitor.credentials.csrfProof = true
  return visitor
}

async function signIn({ api, wire }: Visitor, publicComputer: boolean): Promise<string> {
  const input = { identifier: 'customer3@example.com', password: shop.password, transport: 'COOKIE', publicComputer } as const
  const answers = await wire.during(async () => {
    const { signIn } = await api.mutate(SignInDocument, { input })
    assert.deepEqual(signIn.userErrors, [])
    assert.equal(signIn.session?.token, null)
  })
  const cookie = answers.at(-1)?.headers.getSetCookie().find((each) => each.startsWith(SESSION))
  assert.match(cookie ?? '', HANDED_OVER)
  return cookie ?? ''
}

async function kindFor(headers: Record<string, string>): Promise<string> {
  const response = await fetch(WHO, { headers })
  const { data } = (await response.json()) as { data: { viewer: { kind: string } } }
  return data.viewer.kind
}

for (const [name, connect] of Object.entries({ apollo, urql })) {
  describe(name, () => {
    test('a session in a cookie is used by its own site alone, and ends on the server', async () => {
      const visitor = browser(connect)
      assert.match(await signIn(visitor, false), /; Max-Age=/)
      const { me } = await visitor.api.query(MeDocument, {})
      assert.equal(me?.email, 'customer3@example.com')
      const cookie = `${SESSION}=${visitor.wire.cookies.get(SESSION)}`
      assert.equal(await kindFor({ cookie }), 'ANONYMOUS')
      assert.equal(await kindFor({ cookie, 'x-layette-csrf': '1' }), 'CUSTOMER')
      const { signOut } = await visitor.api.mutate(SignOutDocument, {})
      assert.equal(signOut.signedOut, true)
      assert.ok(!visitor.wire.cookies.has(SESSION))
      assert.equal(await kindFor({ cookie, 'x-layette-csrf': '1' }), 'ANONYMOUS')
    })

    test('a public computer forgets the session with the browser, and everything on signing out', async () => {
      const visitor = browser(connect)
      assert.doesNotMatch(await signIn(visitor, true), /Max-Age/)
      const answers = await visitor.wire.during(() => visitor.api.mutate(SignOutDocument, {}))
      assert.match(answers.at(-1)?.headers.get('clear-site-data') ?? '', /"cookies"/)
    })

    test('a child is not let in by answering again', async () => {
      const { api } = browser(connect)
      const { privacyPolicy } = await api.query(PolicyDocument, {})
      const guardian = new Mailbox(`guardian-${crypto.randomUUID().slice(0, 13)}@example.com`)
      const child = { name: 'Kit', email: 'kit@example.com', acceptsPolicyVersion: privacyPolicy.version }
      for (const ageBand of ['UNDER_13', 'ADULT'] as const) {
        const { accountRegister } = await api.mutate(RegisterDocument, { input: { ...child, ageBand } })
        assert.deepEqual(codes(accountRegister.userErrors), ['GUARDIAN_CONSENT_REQUIRED'], ageBand)
      }
      const { accountRegister } = await api.mutate(RegisterDocument, {
        input: { ...child, ageBand: 'ADULT', guardianEmail: guardian.address },
      })
      assert.equal(accountRegister.status, 'GUARDIAN_CONSENT_SENT')
      assert.ok(await guardian.token('/guardian-consent'))
    })
  })
}
