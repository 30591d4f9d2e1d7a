import { assert } from '../../base/assert.ts'
import type { Files } from '../../io/files.ts'

/**
 * The same files, for looking only: whatever is opened is opened for reading, and everything that
 * would change something is a bug.
 */
export function readOnlyFiles(files: Files): Files {
  return {
    open(path, mode) {
      assert(mode === 'read' || mode === 'readWrite', 'nothing is made by a reader')
      return files.open(path, 'read')
    },
    exists: path => files.exists(path),
    list: path => files.list(path),
    freeSize: path => files.freeSize(path),
    volumeSize: path => files.volumeSize(path),
    makeDirectory: refuse,
    rename: refuse,
    remove: refuse,
    removeLater: refuse,
    removeDirectory: refuse,
    syncDirectory: refuse,
    lock: refuse
  }
}

function refuse(): never {
  assert(false, 'a reader changes nothing')
}
