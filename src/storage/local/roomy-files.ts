import { FileError, filesWith, type Files } from '../../io/files.ts'

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
  return filesWith(files, {
    open: (path, mode) => withRoom(() => files.open(path, mode)),
    list: path => withRoom(() => files.list(path))
  })
}
