import { FileError, type Files, type OpenFile } from '../../../src/io/files.ts'
import { crashable } from './directory.ts'

export type Operation = 'open' | 'write' | 'read' | 'datasync' | 'truncate' | 'rename'

/** Files that fail where they are told to, and count what is asked of them. */
export interface FaultyFiles extends Files {
  /** Errno name with which an operation on a path fails; null lets it through. */
  fault: (operation: Operation, path: string) => string | null
  /** While set, syncs that began wait for it. */
  syncGate: Promise<void> | null
  /** While set, reads that wait for the disk wait for it. */
  readGate: Promise<void> | null
  /** Operations on files whose name ends as given, since the last `forget`. */
  count(operation: Operation, suffix: string): number
  forget(): void
}

export function faultyFiles(inner: Files): FaultyFiles {
  const done: (readonly [Operation, string])[] = []
  const meet = (operation: Operation, path: string): void => {
    done.push([operation, path])
    const code = faulty.fault(operation, path)
    if (code === null) return
    throw new FileError(code, path, `cannot ${operation} ${path} (${code})`, operation)
  }
  const faulty: FaultyFiles = {
    ...crashable(inner),
    fault: () => null,
    syncGate: null,
    readGate: null,
    count: (operation, suffix) =>
      done.filter(([each, path]) => each === operation && path.endsWith(suffix)).length,
    forget: () => void done.splice(0),
    open(path, mode) {
      meet('open', path)
      return faultyFile(inner.open(path, mode), meet, faulty)
    },
    rename(from, to) {
      meet('rename', from)
      inner.rename(from, to)
    }
  }
  return faulty
}

function faultyFile(
  inner: OpenFile,
  meet: (operation: Operation, path: string) => void,
  gates: Pick<FaultyFiles, 'syncGate' | 'readGate'>
): OpenFile {
  const { path } = inner
  return {
    path,
    size: () => inner.size(),
    close: () => inner.close(),
    writeSync(pieces, position) {
      // A write that fails has done a part of its work, as on a real disk.
      try {
        meet('write', path)
      } catch (error) {
        inner.writeSync([Buffer.concat(pieces).subarray(0, 13)], position)
        throw error
      }
      inner.writeSync(pieces, position)
    },
    async write(pieces, position) {
      meet('write', path)
      await inner.write(pieces, position)
    },
    readSync(target, position) {
      meet('read', path)
      return inner.readSync(target, position)
    },
    async read(target, position) {
      meet('read', path)
      await gates.readGate
      return inner.read(target, position)
    },
    truncate(size) {
      meet('truncate', path)
      inner.truncate(size)
    },
    async datasync() {
      meet('datasync', path)
      await gates.syncGate
      await inner.datasync()
    }
  }
}
