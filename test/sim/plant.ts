import type { BrokerStorage } from '../../src/broker-storage.ts'
import type { Files } from '../../src/io/files.ts'
import type { PartitionLog } from '../../src/storage/partition-log.ts'

/** Where a bug is planted: between the broker and its disk, or between two parts of the broker. */
export interface Plant {
  wrapFiles?(files: Files): Files
  /** Between each partition and its log. */
  wrapLog?(log: PartitionLog, topic: string): PartitionLog
  /** Between the cluster and its partitions. */
  wrapStorage?(storage: BrokerStorage): BrokerStorage
}

/** `target`, some of whose members are others. */
export function overriding<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(_, key): unknown {
      if (key in members) return Reflect.get(members, key)
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}
