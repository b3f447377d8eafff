import assert from 'node:assert/strict'
import {
  ActivityDocument,
  ChangePasswordDocument,
  ConfirmEmailChangeDocument,
  MeDocument,
  PolicyDocument,
  RegisterDocument,
  RequestEmailChangeDocument,
  RequestPasswordResetDocument,
  ResetPasswordDocument,
  RevokeOtherSessionsDocument,
  RevokeSessionDocument,
  SignInDocument,
  SignOutDocument,
  StepUpDocument,
  UndoEmailChangeDocument,
  UpdateAccountDocument,
  UpdatePreferencesDocument,
  VerifyDocument,
  WhoAmIDocument,
  ShelvesDocument,
  type AccountEventKind,
  type ActivityQuery,
} from '../generated.ts'
import { Mailbox } from '../mailbox.ts'
import { codes, refusedWith, Visitor, type Connect } from '../visitor.ts'

const FIRST_PASSWORD = 'purple-heron-42-lantern'
const SECOND_PASSWORD = 'nine-quiet-marbles-roll'
const THIRD_PASSWORD = 'over-the-copper-bridge'
const LAST_PASSWORD = 'thistle-and-thunder-7'

/** A laptop, a telephone and two mailboxes, all of one person. */
export class Person {
  readonly laptop: Visitor
  readonly phone: Visitor
  readonly username: string
  readonly mailbox: Mailbox
  readonly otherMailbox: Mailbox

  constructor(connect: Connect) {
    this.laptop = new Visitor(connect)
    this.phone = new Visitor(connect)
    this.username = `ada-${crypto.randomUUID().slice(0, 13)}`
    this.mailbox = new Mailbox(`${this.username}@example.com`)
    this.otherMailbox = new Mailbox(`${this.username}-new@example.com`)
  }
}

/** Without the policy, then with it, twice: the answer is the same. */
export async function register({ laptop: { api }, mailbox }: Person): Promise<void> {
  const { privacyPolicy } = await api.query(PolicyDocument, {})
  const form = { name: 'Ada Example', email: mailbox.address, ageBand: 'ADULT' } as const
  const refused = await api.mutate(RegisterDocument, { input: { ...form, acceptsPolicyVersion: '1066-10-14' } })
  assert.deepEqual(codes(refused.accountRegister.userErrors), ['POLICY_NOT_ACCEPTED'])
  const input = { ...form, acceptsPolicyVersion: privacyPolicy.version }
  for (const _ of ['once', 'twice']) {
    const { accountRegister } = await api.mutate(RegisterDocument, { input })
    assert.deepEqual([accountRegister.status, accountRegister.userErrors], ['VERIFICATION_SENT', []])
  }
}

/** With the token from the mail, which a password that is refused does not use up. */
export async function verify({ laptop, mailbox, username }: Person): Promise<void> {
  const { api } = laptop
  const input = { token: await mailbox.token('/verify'), username, password: 'ab' }
  const weak = await api.mutate(VerifyDocument, { input })
  assert.deepEqual(codes(weak.accountVerify.userErrors), ['WEAK_PASSWORD'])
  const { accountVerify } = await api.mutate(VerifyDocument, { input: { ...input, password: FIRST_PASSWORD } })
  assert.deepEqual(accountVerify.userErrors, [])
  assert.ok(accountVerify.session && accountVerify.customer)
  assert.deepEqual([accountVerify.customer.email, accountVerify.customer.emailVerified], [mailbox.address, true])
  laptop.credentials.token = accountVerify.session.token
  assert.equal(await laptop.kind(), 'CUSTOMER')
  const again = await api.mutate(VerifyDocument, { input: { ...input, password: FIRST_PASSWORD } })
  assert.deepEqual(codes(again.accountVerify.userErrors), ['TOKEN_INVALID'])
}

/** Changes what one may change, and not over somebody else's change. */
export async function describeOneself({ laptop: { api }, username }: Person): Promise<void> {
  const { me } = await api.query(MeDocument, {})
  assert.ok(me)
  assert.deepEqual([me.name, me.username, me.hasPassword], ['Ada Example', username, true])
  const input = { expectedVersion: me.version, name: 'Ada Q. Example', phone: '+49 30 23125 123' }
  const { accountUpdate } = await api.mutate(UpdateAccountDocument, { input })
  assert.deepEqual(accountUpdate.userErrors, [])
  assert.deepEqual([accountUpdate.customer?.name, accountUpdate.customer?.phone], ['Ada Q. Example', '+493023125123'])
  const again = await api.mutate(UpdateAccountDocument, { input })
  assert.deepEqual(codes(again.accountUpdate.userErrors), ['VERSION_CONFLICT'])
}

export async function sayWhatOneLikes({ laptop: { api } }: Person): Promise<void> {
  const { brands } = await api.query(ShelvesDocument, {})
  const input = { sizes: [{ garment: 'dress', size: 'M' }], brandIds: brands.slice(0, 2).map((brand) => brand.id) }
  const { preferencesUpdate } = await api.mutate(UpdatePreferencesDocument, { input })
  assert.deepEqual(preferencesUpdate.userErrors, [])
  assert.equal(preferencesUpdate.preferences?.brands?.length, 2)
  assert.deepEqual((await api.query(MeDocument, {})).me?.preferences, preferencesUpdate.preferences)
}

/** A wrong password and an unknown name are refused alike; then two devices are signed in. */
export async function signInOnThePhone({ phone, mailbox, username }: Person): Promise<void> {
  const refusals = []
  for (const identifier of [mailbox.address, 'nobody.at.all@example.com']) {
    const { signIn } = await phone.api.mutate(SignInDocument, { input: { identifier, password: 'not-it-at-all' } })
    refusals.push(signIn.userErrors)
  }
  assert.deepEqual(refusals[0]?.map((error) => error.code), ['INVALID_CREDENTIALS'])
  assert.deepEqual(refusals[0], refusals[1])
  await phone.signIn({
    identifier: username,
    password: FIRST_PASSWORD,
    deviceName: 'Telephone',
    publicComputer: true,
  })
  const { me } = await phone.api.query(MeDocument, {})
  assert.deepEqual(
    me?.sessions?.map((session) => [session.current, session.publicComputer]),
    [[true, true], [false, false]],
  )
  assert.equal(me?.sessions?.[0]?.deviceName, 'Telephone')
}

/** On a public computer, signing in is not enough to change one's address or password. */
export async function stepUp({ phone: { api }, otherMailbox }: Person): Promise<void> {
  const change = await api.mutate(RequestEmailChangeDocument, { input: { newEmail: otherMailbox.address } })
  assert.equal(change.emailChangeRequest.accepted, false)
  assert.deepEqual(codes(change.emailChangeRequest.userErrors), ['STEP_UP_REQUIRED'])
  const passwords = { currentPassword: FIRST_PASSWORD, newPassword: SECOND_PASSWORD }
  const kept = await api.mutate(ChangePasswordDocument, { input: passwords })
  assert.deepEqual(codes(kept.passwordChange.userErrors), ['STEP_UP_REQUIRED'])
  const wrong = await api.mutate(StepUpDocument, { input: { password: 'not-it-at-all' } })
  assert.deepEqual(codes(wrong.stepUp.userErrors), ['INVALID_CREDENTIALS'])
  const right = await api.mutate(StepUpDocument, { input: { password: FIRST_PASSWORD } })
  assert.ok(right.stepUp.validUntil)
  const minutes = (Date.parse(right.stepUp.validUntil) - Date.now()) / 60_000
  assert.ok(minutes > 9 && minutes <= 10, String(minutes))
  assert.equal((await api.query(WhoAmIDocument, {})).viewer.stepUpUntil, right.stepUp.validUntil)
}

/** Signs out the telephone, at once, and leaves the laptop signed in. */
export async function changePassword({ laptop, phone, mailbox }: Person): Promise<void> {
  const input = { currentPassword: 'not-it-at-all', newPassword: SECOND_PASSWORD }
  const wrong = await laptop.api.mutate(ChangePasswordDocument, { input })
  assert.deepEqual(codes(wrong.passwordChange.userErrors), ['INVALID_CREDENTIALS'])
  const right = await laptop.api.mutate(ChangePasswordDocument, { input: { ...input, currentPassword: FIRST_PASSWORD } })
  assert.deepEqual(right.passwordChange.userErrors, [])
  assert.equal(await phone.kind(), 'ANONYMOUS')
  assert.equal((await phone.api.query(MeDocument, {})).me, null)
  await refusedWith('UNAUTHENTICATED', phone.api.mutate(RevokeOtherSessionsDocument, {}))
  assert.equal(await laptop.kind(), 'CUSTOMER')
  await mailbox.letter('The password of your account was changed')
}

/** By mail, from the telephone; every device is signed out, and the token is good once. */
export async function resetPassword({ laptop, phone, mailbox }: Person): Promise<void> {
  for (const email of ['nobody.at.all@example.com', mailbox.address]) {
    const { passwordResetRequest } = await phone.api.mutate(RequestPasswordResetDocument, { input: { email } })
    assert.deepEqual([passwordResetRequest.accepted, passwordResetRequest.userErrors], [true, []])
  }
  const input = { token: await mailbox.token('/password-reset'), newPassword: THIRD_PASSWORD }
  const { passwordReset } = await phone.api.mutate(ResetPasswordDocument, { input })
  assert.deepEqual(passwordReset.userErrors, [])
  const again = await phone.api.mutate(ResetPasswordDocument, { input })
  assert.deepEqual(codes(again.passwordReset.userErrors), ['TOKEN_INVALID'])
  assert.equal(await laptop.kind(), 'ANONYMOUS')
  laptop.credentials.token = null
  await laptop.signIn({ identifier: mailbox.address, password: THIRD_PASSWORD })
}

/** Confirmed from the new mailbox, told to the old one, and undone from there. */
export async function changeAddressAndTakeItBack({ laptop, phone, mailbox, otherMailbox }: Person): Promise<void> {
  const change = { input: { newEmail: otherMailbox.address } }
  const { emailChangeRequest } = await laptop.api.mutate(RequestEmailChangeDocument, change)
  assert.deepEqual([emailChangeRequest.accepted, emailChangeRequest.userErrors], [true, []])
  const proof = { input: { token: await otherMailbox.token('/email-change') } }
  const { emailChangeConfirm } = await laptop.api.mutate(ConfirmEmailChangeDocument, proof)
  assert.deepEqual(emailChangeConfirm.userErrors, [])
  assert.equal(emailChangeConfirm.customer?.email, otherMailbox.address)
  const undo = { input: { token: await mailbox.token('/email-change/undo') } }
  const { emailChangeUndo } = await phone.api.mutate(UndoEmailChangeDocument, undo)
  assert.deepEqual([emailChangeUndo.undone, emailChangeUndo.userErrors], [true, []])
  assert.equal(await laptop.kind(), 'ANONYMOUS')
  const stranger = { input: { identifier: otherMailbox.address, password: THIRD_PASSWORD } }
  const { signIn } = await phone.api.mutate(SignInDocument, stranger)
  assert.deepEqual(codes(signIn.userErrors), ['INVALID_CREDENTIALS'])
  const reset = { input: { token: await mailbox.token('/password-reset'), newPassword: LAST_PASSWORD } }
  assert.deepEqual((await phone.api.mutate(ResetPasswordDocument, reset)).passwordReset.userErrors, [])
  laptop.credentials.token = null
  await laptop.signIn({ identifier: mailbox.address, password: LAST_PASSWORD })
  assert.equal((await laptop.api.query(MeDocument, {})).me?.email, mailbox.address)
}

/** One by its id, the others together; a session of somebody else's is none. */
export async function endSessions({ laptop: { api }, phone, username }: Person): Promise<void> {
  const signIn = () => phone.signIn({ identifier: username, password: LAST_PASSWORD })
  phone.credentials.token = null
  await signIn()
  const { viewer } = await phone.api.query(WhoAmIDocument, {})
  assert.ok(viewer.session?.current)
  const one = await api.mutate(RevokeSessionDocument, { id: viewer.session.id })
  assert.deepEqual(one.sessionRevoke.userErrors, [])
  assert.equal(await phone.kind(), 'ANONYMOUS')
  phone.credentials.token = null
  await signIn()
  const others = await api.mutate(RevokeOtherSessionsDocument, {})
  assert.equal(others.sessionsRevokeOthers.revokedCount, 1)
  assert.equal(await phone.kind(), 'ANONYMOUS')
  const none = await api.mutate(RevokeSessionDocument, { id: `ses_${'0'.repeat(32)}` })
  assert.deepEqual(codes(none.sessionRevoke.userErrors), ['NOT_FOUND'])
}

/** What was done above is there, the latest first. */
export async function readTheActivity({ laptop: { api } }: Person): Promise<void> {
  const kinds: AccountEventKind[] = []
  let after: string | null = null
  do {
    const { me }: ActivityQuery = await api.query(ActivityDocument, { first: 10, after })
    assert.ok(me?.accountActivity)
    kinds.push(...me.accountActivity.edges.map((edge) => edge.node.kind))
    after = me.accountActivity.pageInfo.hasNextPage ? me.accountActivity.pageInfo.endCursor : null
  } while (after !== null)
  assert.equal(kinds.at(-1), 'REGISTERED')
  for (const kind of ['SIGN_IN_FAILED', 'STEPPED_UP', 'PASSWORD_CHANGED', 'PASSWORD_RESET', 'EMAIL_CHANGE_UNDONE'] as const) {
    assert.ok(kinds.includes(kind), kind)
  }
}

/** A token that was signed out with is nobody's, and there is nothing to sign out a second time. */
export async function signOut({ laptop }: Person): Promise<void> {
  const { api } = laptop
  assert.ok(laptop.credentials.token)
  assert.equal((await api.mutate(SignOutDocument, {})).signOut.signedOut, true)
  assert.equal(await laptop.kind(), 'ANONYMOUS')
  assert.equal((await api.query(MeDocument, {})).me, null)
  assert.equal((await api.mutate(SignOutDocument, {})).signOut.signedOut, false)
}
