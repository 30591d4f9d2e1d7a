/** Calls that a disk may refuse. */
export type FaultyCall =
  | 'open'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'write'
  | 'resize'
  | 'datasync'
  | 'syncDirectory'
  | 'read'
  | 'list'

/** A refusal: the `nth` call of its kind (from 1) that `matches` its path. */
export interface DiskFault {
  /** Names the fault in reports. */
  readonly id: string
  readonly call: FaultyCall
  readonly nth: number
  readonly code: 'EIO' | 'ENOSPC' | 'EMFILE' | 'EACCES'
  /** Only paths that hold this text count; all when left out. */
  readonly matches?: string
  /** Whether all later ones are refused too, or how many; only this one when left out. */
  readonly lasts?: true | number
}

/**
 * Whether a broker may stop because of the fault: what was written is in doubt, or a file cannot be
 * made. A disk that is full, a process without descriptors, and bytes that are not given back are
 * no reason.
 */
export function mayStop({ call, code }: DiskFault): boolean {
  return code === 'EIO' && call !== 'read' && call !== 'list'
}

/** The same of all that a disk has refused in a life. */
export function mayHaveStopped({ refusals, wasFull }: DiskFaults): boolean {
  // A part of a write that was refused, and then cannot be cut off, is in nobody's hands.
  const isRefused = (which: FaultyCall): boolean =>
    refusals.some(({ fault }) => fault.call === which)
  const isUncut = (wasFull || isRefused('write')) && isRefused('resize')
  return isUncut || refusals.some(({ fault }) => mayStop(fault))
}

/** Which calls are refused, in the order of a plan. */
export class DiskFaults {
  readonly #faults: { readonly fault: DiskFault; met: number }[] = []
  readonly #counts = new Map<FaultyCall, number>()
  /** Every call, refused or not. */
  readonly calls: { readonly call: FaultyCall; readonly path: string }[] = []
  /** Ids of the faults that were met. */
  readonly met = new Set<string>()
  /** The refusals, in the order in which they happened, each with its moment of the life. */
  readonly refusals: {
    readonly fault: DiskFault
    readonly path: string
    readonly moment: number
    /** Whether a file was to be opened for writing. */
    readonly isForWriting: boolean
  }[] = []
  /** Whether the disk had no room for a write. */
  wasFull = false
  readonly #now: () => number

  /** @param now how many steps the life took on the disk so far */
  constructor(faults: readonly DiskFault[], now: () => number) {
    this.#now = now
    for (const fault of faults) this.add(fault)
  }

  /** Plans one more refusal; it counts calls from now on. */
  add(fault: DiskFault): void {
    this.#faults.push({ fault, met: 0 })
  }

  /** How many calls there were of a kind. */
  count(call: FaultyCall): number {
    return this.#counts.get(call) ?? 0
  }

  /** The errno name with which this call is refused; null when it is not. */
  meet(call: FaultyCall, path: string, isForWriting = false): DiskFault['code'] | null {
    this.#counts.set(call, this.count(call) + 1)
    this.calls.push({ call, path })
    let code: DiskFault['code'] | null = null
    for (const each of this.#faults) {
      const { fault } = each
      if (fault.call !== call || !path.includes(fault.matches ?? '')) continue
      each.met++
      const last = fault.nth + (fault.lasts === true ? Infinity : (fault.lasts ?? 0))
      if (each.met < fault.nth || each.met > last) continue
      this.met.add(fault.id)
      this.refusals.push({ fault, path, moment: this.#now(), isForWriting })
      code ??= fault.code
    }
    return code
  }

  /** Whether something at a path that holds this text was refused. */
  hasHit(text: string): boolean {
    return this.refusals.some(({ path }) => path.includes(text))
  }
}
