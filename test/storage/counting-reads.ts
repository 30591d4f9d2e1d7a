import type { Files, OpenFile } from '../../src/io/files.ts'
import { crashable } from './local/directory.ts'

export interface CountedReads {
  readonly files: Files
  /** Bytes that were read of files with this in their path and this at its end. */
  readonly bytes: (part: string, suffix: string) => number
}

/** The same files, which count the bytes that are read of each. */
export function countingReads(files: Files): CountedReads {
  const counts = new Map<string, number>()
  const note = (path: string, size: number): number => {
    counts.set(path, (counts.get(path) ?? 0) + size)
    return size
  }
  const wrapped = (file: OpenFile): OpenFile => ({
    path: file.path,
    size: () => file.size(),
    writeSync: (pieces, position) => file.writeSync(pieces, position),
    write: (pieces, position) => file.write(pieces, position),
    readSync: (target, position) => note(file.path, file.readSync(target, position)),
    read: async (target, position) => note(file.path, await file.read(target, position)),
    truncate: size => file.truncate(size),
    datasync: () => file.datasync(),
    close: () => file.close()
  })
  return {
    files: crashable(files, { open: (path, mode) => wrapped(files.open(path, mode)) }),
    bytes: (part, suffix) =>
      [...counts]
        .filter(([path]) => path.includes(part) && path.endsWith(suffix))
        .reduce((sum, [, size]) => sum + size, 0)
  }
}
