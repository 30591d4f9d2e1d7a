import { unreachable } from '../../src/base/assert.ts'
import { Draws } from './draws.ts'
import { Sectors, sectorSize } from './sectors.ts'
import { applyChange, type NameChange, type PendingChange, type PowerLoss } from './sim-disk.ts'
import type { SimDisk } from './sim-disk.ts'

/**
 * What a power cut leaves of the changes that no sync has covered:
 *
 * - `nothing`: none of them
 * - `everything`: all of them
 * - `ordered`: those up to some moment, sector by sector
 * - `journaled`: names and sizes up to some moment, of the bytes any sectors; what is missing under
 *   a size that grew is zeros (ext4 and XFS)
 * - `adversary`: any of them, in any order; what is missing under a size that grew may be garbage
 */
export type LossProfile = 'nothing' | 'everything' | 'ordered' | 'journaled' | 'adversary'

export const lossProfiles: readonly LossProfile[] = [
  'nothing',
  'everything',
  'ordered',
  'journaled',
  'adversary'
]

/** Whether different seeds make different losses. */
export function isDrawn(profile: LossProfile): boolean {
  return profile !== 'nothing' && profile !== 'everything'
}

export function powerLoss(profile: LossProfile, disk: SimDisk, seed: number): PowerLoss {
  const draws = new Draws(seed)
  const from = disk.oldestPendingSeq
  const moment = from - 1 + draws.below(disk.seq - from + 2)
  switch (profile) {
    case 'nothing':
      return upTo(-1)
    case 'everything':
      return upTo(Infinity)
    case 'ordered':
      return upTo(moment)
    case 'journaled':
      return journaled(moment, draws)
    case 'adversary':
      return adversary(draws)
    default:
      return unreachable(profile)
  }
}

function upTo(moment: number): PowerLoss {
  return {
    names: changes => changes.filter(({ seq }) => seq <= moment),
    content(durable, pending) {
      const content = durable.copy()
      for (const change of pending) if (change.seq <= moment) applyChange(content, change)
      return content
    }
  }
}

function journaled(moment: number, draws: Draws): PowerLoss {
  return {
    names: changes => changes.filter(({ seq }) => seq <= moment),
    content(durable, pending) {
      const content = durable.copy()
      const newest = newestKept(pending, draws)
      for (const change of pending) {
        const isKept =
          'size' in change ? change.seq <= moment : change.seq <= newest.get(change.sector)!
        if (isKept) applyChange(content, change)
      }
      return content
    }
  }
}

function adversary(draws: Draws): PowerLoss {
  return {
    names: changes => anyNames(changes, draws),
    content(durable, pending) {
      const content = durable.copy()
      const newest = newestKept(pending, draws)
      const sizes = pending.filter(change => 'size' in change)
      const lastSize = sizes[draws.below(sizes.length + 1) - 1]?.seq ?? -1
      for (const change of pending) {
        const isKept =
          'size' in change ? change.seq <= lastSize : change.seq <= newest.get(change.sector)!
        if (isKept) applyChange(content, change)
      }
      const touched = new Set([...newest].filter(([, seq]) => seq === -1).map(([at]) => at))
      fillUp(content, durable, touched, draws)
      return content
    }
  }
}

/** For each sector that was written the newest version of it that got to the disk; -1 for none. */
function newestKept(pending: readonly PendingChange[], draws: Draws): ReadonlyMap<number, number> {
  const versions = new Map<number, number[]>()
  for (const change of pending) {
    if ('size' in change) continue
    const known = versions.get(change.sector)
    if (known === undefined) versions.set(change.sector, [change.seq])
    else known.push(change.seq)
  }
  const newest = new Map<number, number>()
  // Mostly all or nothing: a file of a hundred sectors would else never survive whole.
  const style = draws.below(4)
  for (const [sector, seqs] of versions) {
    const kept = style === 0 ? seqs.length : style === 1 ? 0 : draws.below(seqs.length + 1)
    newest.set(sector, seqs[kept - 1] ?? -1)
  }
  return newest
}

/** Sectors that the file got and that were never written are zeros, or anything. */
function fillUp(
  content: Sectors,
  durable: Sectors,
  unwritten: ReadonlySet<number>,
  draws: Draws
): void {
  const from = Math.ceil(durable.size / sectorSize)
  const to = Math.ceil(content.size / sectorSize)
  if (draws.chance(0.5)) return
  for (let index = from; index < to; index++) {
    if (unwritten.has(index)) content.put(index, garbage(draws))
  }
}

function garbage(draws: Draws): Buffer {
  const sector = Buffer.alloc(sectorSize)
  for (let at = 0; at < sectorSize; at++) sector[at] = draws.below(256)
  return sector
}

/**
 * Any of the changes; but one that builds on another, by touching the same name, needs that one.
 */
function anyNames(changes: readonly NameChange[], draws: Draws): readonly NameChange[] {
  const undone = new Set<string>()
  const share = draws.pick([0.1, 0.5, 0.9])
  return changes.filter(({ slots }) => {
    const keys = slots.map(({ directory, name }) => `${directory}/${name}`)
    if (draws.chance(share) && !keys.some(key => undone.has(key))) return true
    for (const key of keys) undone.add(key)
    return false
  })
}
