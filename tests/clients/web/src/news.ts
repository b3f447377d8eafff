import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { Refusal } from './visitor.ts'

const PATIENCE_MS = 5000

/** What a subscription tells, one after the other. */
export class News<Data> {
  private readonly told: (Data | Error)[] = []
  private wake: () => void = () => {}
  /** Ends the subscription. */
  stop: () => void = () => {}

  readonly tell = (one: Data | Error): void => {
    this.told.push(one)
    this.wake()
  }

  /** The next, which may have come already. */
  async next(): Promise<Data> {
    const one = await this.take()
    if (one instanceof Error) throw one
    return one
  }

  /** The codes with which it ends, whatever comes before. */
  async end(): Promise<readonly unknown[]> {
    for (;;) {
      const one = await this.take()
      if (one instanceof Error) return (one as Refusal).codes ?? assert.fail(one)
    }
  }

  private async take(): Promise<Data | Error> {
    const given = AbortSignal.timeout(PATIENCE_MS)
    while (this.told.length === 0) {
      given.throwIfAborted()
      await Promise.race([new Promise<void>((resolve) => (this.wake = resolve)), wait(100)])
    }
    return this.told.shift() as Data | Error
  }
}
