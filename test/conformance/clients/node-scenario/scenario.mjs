// Reports the steps of a conformance program, one JSON line each, and asks the runner for what only
// the runner can do. See the README of the folder above.
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

const stepTimeoutMs = 60_000

/** A step cannot be tried; `by` says whose lack that is. */
class NotOffered extends Error {
  constructor(by, detail) {
    super(detail)
    this.by = by
  }
}

export const clientHasNo = detail => new NotOffered('client', detail)
export const brokerHasNo = detail => new NotOffered('broker', detail)

const offered = new Set((process.env.CONFORMANCE_OFFERED ?? '').split(','))
export const bootstrap = process.env.CONFORMANCE_BOOTSTRAP

/** Ends a step as not offered when the broker lacks one of the APIs in its ApiVersions. */
export function needs(...apis) {
  const missing = apis.find(api => !offered.has(api))
  if (missing !== undefined) throw brokerHasNo(`the broker does not offer ${missing}`)
}

const print = line => process.stdout.write(`${JSON.stringify(line)}\n`)
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export function begin(client, version) {
  print({ client, version })
}

/** Does one step and reports how it went. A step that hangs has failed. */
export async function step(name, act) {
  const timer = new AbortController()
  const tooLong = delay(stepTimeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error('not in time')
  })
  try {
    await Promise.race([act(), tooLong])
    print({ step: name, result: 'passed' })
  } catch (error) {
    if (error instanceof NotOffered) {
      print({ step: name, result: 'not-offered', by: error.by, detail: error.message })
    } else {
      const detail = `${error.message ?? error}`.slice(0, 600)
      print({ step: name, result: 'failed', detail })
    }
  } finally {
    timer.abort()
    tooLong.catch(() => {})
  }
}

/** Has the broker killed (SIGKILL) and started again, and waits until it is ready. */
async function killAndRestart() {
  print({ ask: 'kill-restart' })
  const { value } = await answers.next()
  expect("the runner's answer", 'restarted', value)
}

/**
 * Produces one value after the other, while the broker is killed and started again.
 * Returns the acknowledged values.
 */
export async function produceThroughKill(produce) {
  const acknowledged = []
  const stop = new AbortController()
  let failure
  const work = async () => {
    for (let number = 0; !stop.signal.aborted; number++) {
      const value = `value-${number}`
      await produce(value)
      acknowledged.push(value)
    }
  }
  const working = work().catch(error => (failure = error))
  const more = async () => {
    const wanted = acknowledged.length + 50
    await until(`${wanted} acknowledged`, () => failure ?? acknowledged.length >= wanted)
    if (failure) throw failure
  }
  await more()
  await killAndRestart()
  await more()
  stop.abort()
  await working
  return acknowledged
}

/** Different records; their values have something in them to compress. */
export function records(count) {
  return Array.from({ length: count }, (_, i) => ({
    key: `key-${i}`,
    value: `value-${i}-${'all work and no play '.repeat(i % 20)}`
  }))
}

export function expect(what, expected, actual) {
  const [wanted, got] = [JSON.stringify(expected), JSON.stringify(actual)]
  if (wanted === got) return
  throw new Error(`${what}: expected ${wanted.slice(0, 200)}, got ${got?.slice(0, 200)}`)
}

export function expectSame(sent, read) {
  expect('records', sent.length, read.length)
  sent.forEach((record, index) => expect(`record ${index}`, record, read[index]))
}

/** `act` fails with an error whose text, code or type contains `text`. */
export async function expectError(what, text, act) {
  try {
    await act()
  } catch (error) {
    if (`${error.name} ${error.type} ${error.code} ${error.message}`.includes(text)) return
    throw new Error(`${what}: expected ${text}, got ${error.message}`, { cause: error })
  }
  throw new Error(`${what}: expected ${text}, but there was no error`)
}

/** Looks again and again until the condition holds; the step's own time limit ends it. */
export async function until(what, condition) {
  const deadlineMs = Date.now() + stepTimeoutMs - 5_000
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`not in time: ${what}`)
    await delay(50)
  }
}
