import type { DiskOp } from './disk-op.ts'
import { powerLoss, type LossProfile } from './power-loss.ts'
import { SimDisk } from './sim-disk.ts'
import { SimFiles, type SimFilesOptions } from './sim-files.ts'

/** How a life ends: the process is killed, or the power is cut. */
export type CrashKind = 'process' | LossProfile

export interface Crash {
  readonly kind: CrashKind
  /** After how many of the steps that the life took on the disk. */
  readonly after: number
  /** How much of the step that was about to come is done too, 0 to 1, if it is a write. */
  readonly torn: number
  /** Draws what a power cut takes. */
  readonly seed: number
}

/**
 * One life of a program on a disk. It is lived to its end without a crash; what a crash at any
 * moment would have left is made afterwards, from the list of what was done. So one life has as
 * many crashes as steps.
 */
export class Life {
  readonly files: SimFiles
  readonly #before: SimDisk

  /** @param disk what the life before left; it is not changed */
  constructor(disk: SimDisk, options: SimFilesOptions) {
    this.#before = disk
    this.files = new SimFiles(disk.copy(), options)
  }

  get ops(): readonly DiskOp[] {
    return this.files.ops
  }

  /** How many steps were taken so far; a moment of this life. */
  get now(): number {
    return this.files.ops.length
  }

  /** The disk as a crash leaves it. */
  crashed(crash: Crash): SimDisk {
    const disk = this.#before.copy()
    for (const op of this.ops.slice(0, crash.after)) disk.apply(op)
    return crashedNow(disk, this.ops[crash.after], crash)
  }

  /** The disk before the first step, then after each, with the step to come. */
  *moments(): Iterable<{ readonly disk: SimDisk; readonly next: DiskOp | undefined }> {
    const disk = this.#before.copy()
    for (const op of this.ops) {
      yield { disk, next: op }
      disk.apply(op)
    }
    yield { disk, next: undefined }
  }

  /** The step in words, for reports. */
  describe(index: number): string {
    const op = this.ops[index]
    if (op === undefined) return 'the end'
    const { files } = this
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others leave no trace
    switch (op.type) {
      case 'create':
      case 'unlink':
        return `${op.type} ${files.pathOf(op.place.directory)}/${op.place.name}`
      case 'rename':
        return `rename ${files.pathOf(op.from.directory)}/${op.from.name} to ${op.to.name}`
      case 'write':
        return `write ${files.pathOf(op.node)} ${op.position} +${op.bytes.length}`
      case 'resize':
        return `resize ${files.pathOf(op.node)} ${op.size}`
      default:
        return `${op.type} ${files.pathOf(op.node)}`
    }
  }
}

/** What a crash leaves of `disk`, which is not changed. */
export function crashedNow(
  disk: SimDisk,
  next: DiskOp | undefined,
  { kind, torn, seed }: Omit<Crash, 'after'>
): SimDisk {
  const left = disk.copy()
  if (torn > 0 && next?.type === 'write') {
    const bytes = next.bytes.subarray(0, Math.floor(next.bytes.length * torn))
    left.apply({ ...next, bytes })
  }
  return kind === 'process' ? left : left.afterPowerCut(powerLoss(kind, left, seed))
}
