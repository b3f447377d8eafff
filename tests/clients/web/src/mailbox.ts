import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { shop } from './shop.ts'

const DELIVERY_MS = 20_000

/** What comes to one address; each letter is read once. */
export class Mailbox {
  readonly address: string
  readonly #folder = join(shop.home, 'mail')
  readonly #read = new Set<string>()

  constructor(address: string) {
    this.address = address
  }

  /** The token of the next letter with a link to this page of the web shop. */
  async token(page: string): Promise<string> {
    const letter = await this.letter(`${page}#token=`)
    const token = letter.split(`${page}#token=`)[1]?.match(/^lym_\w+/)?.[0]
    if (token === undefined) throw new Error('the link carries no token')
    return token
  }

  /** The next letter that has these words in it. Letters on the way to it count as read. */
  async letter(words: string): Promise<string> {
    const deadline = Date.now() + DELIVERY_MS
    while (Date.now() < deadline) {
      for (const name of await this.#unread()) {
        const letter = await readFile(join(this.#folder, name), 'utf8')
        this.#read.add(name)
        if (letter.includes(`To: ${this.address}\r\n`) && letter.includes(words)) return letter
      }
      await setTimeout(50)
    }
    throw new Error(`no letter with "${words}" came`)
  }

  async #unread(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => [])
    return names.filter((name) => /^[^.].*\.eml$/.test(name) && !this.#read.has(name)).sort()
  }
}
