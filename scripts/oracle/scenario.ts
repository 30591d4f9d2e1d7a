import { setTimeout as delay } from 'node:timers/promises'

/** Something a client does against the broker at an address, for its frames. */
export type Scenario = (bootstrapServers: string) => Promise<void>

/** Resolves when a call failed as it must; a call that works is a scenario gone wrong. */
export async function expectFailure(call: Promise<unknown>): Promise<void> {
  const failed = await call.then(
    () => false,
    () => true
  )
  if (!failed) throw new Error('a call that must fail has worked')
}

/** Looks again and again until a condition holds. */
export async function until(condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error('a scenario did not get where it should')
    await delay(20)
  }
}

/** Text of a size in bytes. */
export function pad(size: number): string {
  return 'abcdefghij'.repeat(Math.ceil(size / 10)).slice(0, size)
}
