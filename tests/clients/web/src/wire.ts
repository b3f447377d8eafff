/** One request and its answer, as far as somebody who watches the network cares. */
export interface Exchange {
  method: string
  url: string
  /** What the client said it takes. */
  accept: string
  /** Whether the document was sent, and not its hash alone. */
  withDocument: boolean
  status: number
  headers: Headers
}

/** What a browser does between a client and the network: it keeps cookies. Node has no jar of its own. */
export class Wire {
  readonly exchanges: Exchange[] = []
  readonly cookies = new Map<string, string>()

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    if (this.cookies.size > 0) {
      request.headers.set('cookie', [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    }
    const asked = request.method === 'GET' ? new URL(request.url).search : await request.clone().text()
    const response = await fetch(request)
    for (const cookie of response.headers.getSetCookie()) this.keep(cookie)
    this.exchanges.push({
      method: request.method,
      url: request.url,
      accept: request.headers.get('accept') ?? '',
      withDocument: request.method === 'GET' ? new URLSearchParams(asked).has('query') : 'query' in JSON.parse(asked),
      status: response.status,
      headers: response.headers,
    })
    return response
  }

  /** What went over the network meanwhile. */
  async during(work: () => Promise<unknown>): Promise<Exchange[]> {
    const before = this.exchanges.length
    await work()
    return this.exchanges.slice(before)
  }

  private keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split(';').map((part) => part.trim())
    const [name = '', value = ''] = pair.split(/=(.*)/)
    if (attributes.includes('Max-Age=0')) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}
