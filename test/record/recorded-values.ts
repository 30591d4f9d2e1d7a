/**
 * What the clients were given whose batches stand in test/golden/batches, one value a record: so
 * alike that it packs well, and as many as fill several blocks of every codec.
 */
export function recordedValues(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, n) => `{"order":${n},"text":"the quick brown fox jumps over the lazy dog ${n % 13}"}`
  )
}

export const recordedCounts: readonly number[] = [3, 2_500]

/** One batch of a client, or the content of one in a frame of a command. */
export interface Recording {
  /** With its version. */
  readonly by: string
  readonly codec: 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly count: number
  readonly base64: string
}
