import type { DiskFault, FaultyCall } from './disk-faults.ts'

/** How a disk refuses, but for which call. */
export type FaultWay = Omit<DiskFault, 'id' | 'call' | 'nth'>

/** What the disk may answer to a call. */
export const faultWays: Readonly<Record<FaultyCall, readonly FaultWay[]>> = {
  // Descriptors come back: a sync waits for one.
  open: [{ code: 'EMFILE' }, { code: 'EIO' }, { code: 'EMFILE', lasts: 50 }],
  makeDirectory: [{ code: 'EIO' }, { code: 'ENOSPC' }],
  rename: [{ code: 'EIO' }],
  remove: [{ code: 'EIO' }],
  write: [{ code: 'EIO' }, { code: 'ENOSPC' }, { code: 'ENOSPC', lasts: true }],
  resize: [{ code: 'EIO' }, { code: 'ENOSPC' }],
  datasync: [{ code: 'EIO' }, { code: 'EIO', lasts: true }],
  syncDirectory: [{ code: 'EIO' }],
  read: [{ code: 'EIO' }, { code: 'EIO', lasts: true }],
  list: [{ code: 'EIO' }]
}

/** One refusal of one call of a life. */
export interface CallFault {
  readonly fault: DiskFault
  /** In words. */
  readonly what: string
}

/** Every call of a life, refused in every way. */
export function* callFaults(
  calls: readonly { readonly call: FaultyCall; readonly path: string }[]
): Iterable<CallFault> {
  const counts = new Map<string, number>()
  for (const { call, path } of calls) {
    for (const way of faultWays[call]) {
      const fault = faultAt(call, path, way, counts)
      const lasting = way.lasts === undefined ? '' : ' from then on'
      yield { fault, what: `${call} ${fault.nth} of ${path}: ${way.code}${lasting}` }
    }
    for (const key of [call, `${call} ${folderOf(path)}`]) {
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
}

/** What lasts is a bad place of the disk: it is in the files of one folder. */
function faultAt(
  call: FaultyCall,
  path: string,
  way: FaultWay,
  counts: ReadonlyMap<string, number>
): DiskFault {
  const isPlace = way.lasts === true && way.code === 'EIO' && call === 'read'
  const matches = isPlace ? { matches: folderOf(path) } : {}
  const key = isPlace ? `${call} ${folderOf(path)}` : call
  return { id: 'fault', call, nth: (counts.get(key) ?? 0) + 1, ...way, ...matches }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}
