import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** A machine that is busier than this before a run makes its figures doubtful. */
const idleShareMin = 0.85
const probeMs = 150

/** What the figures were made on, in one line. */
export function describeMachine(): string {
  const processor = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${processor}, ${memory}, Linux ${release()}, Node ${process.version}`
}

/**
 * The share of all processors that somebody used in the last moment, 0 to 1, as /proc/stat tells;
 * null where there is none. Time that the host took away from a virtual machine counts as used.
 */
export async function busyShare(): Promise<number | null> {
  const before = processorTimes()
  await delay(probeMs)
  const after = processorTimes()
  if (before === null || after === null) return null
  const total = after.total - before.total
  return total === 0 ? null : 1 - (after.idle - before.idle) / total
}

export function isBusy(share: number | null): boolean {
  return share !== null && share > 1 - idleShareMin
}

function processorTimes(): { readonly idle: number; readonly total: number } | null {
  try {
    const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!
    const times = line.split(/\s+/).slice(1, 9).map(Number)
    // user nice system idle iowait irq softirq steal
    return { idle: times[3]! + times[4]!, total: times.reduce((sum, time) => sum + time, 0) }
  } catch {
    return null
  }
}
