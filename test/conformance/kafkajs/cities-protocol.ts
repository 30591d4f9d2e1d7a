import { createHash } from 'node:crypto'

/** What a consumer process tells the test; every delivery is answered with `GoOn`. */
export type WorkerReport = Delivered | Committed

/** A batch was handed to a consumer. `atMs` is wall time when that happened. */
export interface Delivered {
  readonly type: 'delivered'
  readonly atMs: number
  readonly topic: string
  readonly partition: number
  /** Offset and digest of each record. */
  readonly records: ReadonlyArray<readonly [offset: number, digest: string]>
}

/** The broker has acknowledged a commit. `atMs` is wall time when the answer was there. */
export interface Committed {
  readonly type: 'committed'
  readonly atMs: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** What the test tells a consumer process. */
export type WorkerCommand = 'go on' | 'stop'

/** Stands for a whole record: two records with one digest are the same. */
export function recordDigest(key: Buffer | string | null, value: Buffer | string | null): string {
  return createHash('sha1')
    .update(key ?? 'null')
    .update('\0')
    .update(value ?? 'null')
    .digest('base64')
}
