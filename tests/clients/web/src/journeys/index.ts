import { test } from 'node:test'
import { customer, Visitor, type Connect } from '../visitor.ts'
import * as account from './account.ts'
import * as addressBook from './addressBook.ts'
import * as catalogue from './catalogue.ts'
import * as liveOrders from './liveOrders.ts'
import * as orders from './orders.ts'
import * as persisted from './persisted.ts'

/** The whole shop, as one goes through it with this client and a token. */
export function goThroughTheShop(connect: Connect): void {
  test('a visitor browses the catalogue', async () => {
    const { api } = new Visitor(connect)
    await catalogue.enter(api)
    await catalogue.turnPages(api)
    await catalogue.narrowDown(api)
    await catalogue.search(api)
    await catalogue.lookAtOne(api)
    await catalogue.askTooMuch(api)
  })

  test('a person opens an account and keeps it', async () => {
    const person = new account.Person(connect)
    await account.register(person)
    await account.verify(person)
    await account.describeOneself(person)
    await account.sayWhatOneLikes(person)
    const address = await addressBook.keepAddresses(person.laptop.api)
    await addressBook.tryAsStranger((await customer(connect, 'customer2@example.com')).api, address)
    await account.signInOnThePhone(person)
    await account.stepUp(person)
    await account.changePassword(person)
    await account.resetPassword(person)
    await account.changeAddressAndTakeItBack(person)
    await account.endSessions(person)
    await account.readTheActivity(person)
    await account.signOut(person)
  })

  test('a customer looks back at orders', async () => {
    const order = await orders.lookBack((await customer(connect, 'customer6@example.com')).api)
    await orders.tryAsStranger((await customer(connect, 'customer1@example.com')).api, order)
    await orders.tryAsStranger(new Visitor(connect).api, order)
  })

  test('a customer watches what becomes of an order', async () => {
    const { api } = await customer(connect, 'customer8@example.com')
    const order = await liveOrders.buy(api)
    await liveOrders.watch(api, order)
    await liveOrders.tryAsStranger((await customer(connect, 'customer1@example.com')).api, order, 'NOT_FOUND')
    await liveOrders.tryAsStranger(new Visitor(connect).api, order, 'UNAUTHENTICATED')
    await liveOrders.loseTheSession(api, order)
  })

  test('documents are sent once', async () => {
    await persisted.sendDocumentsOnce(connect)
    await persisted.keepWhatIsPrivate(connect)
  })
}
