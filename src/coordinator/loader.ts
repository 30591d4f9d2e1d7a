import type { Result } from '../base/result.ts'
import type { Partition } from '../partition/partition.ts'
import type { Machine } from './machine.ts'

/**
 * What a record of an internal topic means; null for one that this machine has nothing to do with.
 */
export type Decode<Record> = (key: Buffer, value: Buffer | null) => Record | null

/**
 * Makes a machine what it was: hands it every record of its partition, in order. The markers of
 * transactions carry no state; what transactions wrote is left out, as nothing of it is known to be
 * committed.
 *
 * @returns what Partition.replay says when the log could not be read to its end
 */
export async function loadMachine<Event, Record, Reply, E extends string>(
  log: { replay(onBatch: Parameters<Partition['replay']>[0]): Promise<Result<void, E>> },
  decode: Decode<Record>,
  machine: Machine<Event, Record, Reply>
): Promise<Result<void, E>> {
  return log.replay((records, batch) => {
    if (batch.isControl || batch.isTransactional) return
    for (const { key, value } of records) {
      // A record without a key says nothing about anything: compaction would refuse it.
      if (key === null) continue
      const record = decode(key, value)
      if (record !== null) machine.replay(record)
    }
  })
}
