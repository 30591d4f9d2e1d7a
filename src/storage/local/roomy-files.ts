import { FileError, type Files } from '../../io/files.ts'

/**
 * Files that ask for room, once, when the process has run out of descriptors: that is not a disk
 * that failed.
 */
export function roomyFiles(files: Files, makeRoom: () => void): Files {
  const withRoom = <T>(operation: () => T): T => {
    try {
      return operation()
    } catch (error) {
      if (!(error instanceof FileError) || (error.code !== 'EMFILE' && error.code !== 'ENFILE')) {
        throw error
      }
      makeRoom()
      return operation()
    }
  }
  return {
    open: (path, mode) => withRoom(() => files.open(path, mode)),
    exists: path => files.exists(path),
    makeDirectory: path => files.makeDirectory(path),
    list: path => withRoom(() => files.list(path)),
    rename: (from, to) => files.rename(from, to),
    remove: path => files.remove(path),
    removeLater: path => files.removeLater(path),
    removeDirectory: path => files.removeDirectory(path),
    syncDirectory: path => files.syncDirectory(path),
    freeSize: path => files.freeSize(path),
    volumeSize: path => files.volumeSize(path),
    lock: path => files.lock(path)
  }
}
