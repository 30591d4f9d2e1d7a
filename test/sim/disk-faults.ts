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
  /** Whether all later ones are refused too; only this one when left out. */
  readonly lasts?: boolean
}

/** Which calls are refused, in the order of a plan. */
export class DiskFaults {
  readonly #faults: { readonly fault: DiskFault; met: number }[] = []
  readonly #counts = new Map<FaultyCall, number>()
  /** Ids of the faults that were met. */
  readonly met = new Set<string>()

  constructor(faults: readonly DiskFault[]) {
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
  meet(call: FaultyCall, path: string): DiskFault['code'] | null {
    this.#counts.set(call, this.count(call) + 1)
    let code: DiskFault['code'] | null = null
    for (const each of this.#faults) {
      const { fault } = each
      if (fault.call !== call || !path.includes(fault.matches ?? '')) continue
      each.met++
      if (each.met !== fault.nth && !(fault.lasts === true && each.met > fault.nth)) continue
      this.met.add(fault.id)
      code ??= fault.code
    }
    return code
  }
}
