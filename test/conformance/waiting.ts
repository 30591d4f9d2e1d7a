import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

const pollIntervalMs = 20

/**
 * Looks again and again until a condition holds; an error of the condition counts as "not yet".
 *
 * @throws what the condition threw last, or an error with its description, after `timeoutMs`
 */
export async function until<T>(
  description: string,
  condition: () => T | Promise<T>,
  timeoutMs = 90_000
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    let failure: unknown
    try {
      const value = await condition()
      if (value) return value
    } catch (error) {
      failure = error
    }
    if (Date.now() > deadlineMs) {
      throw new Error(`not within ${timeoutMs} ms: ${description}`, { cause: failure })
    }
    await delay(pollIntervalMs)
  }
}

/** A name that no other test and no earlier run on the same broker has used. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`
}

/** Numbers from 0 to `count` - 1. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** Order by what a value looks like as JSON, for comparing things whose order means nothing. */
export function byText(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
  return left < right ? -1 : Number(left > right)
}
