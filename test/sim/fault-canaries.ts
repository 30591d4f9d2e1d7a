import { FileError, type Files, type OpenFile } from '../../src/io/files.ts'
import type { Canary } from './canaries.ts'
import { overriding } from './plant.ts'

function withFile(name: string, change: (file: OpenFile) => Partial<OpenFile>): Canary {
  return {
    name,
    wrapFiles: files =>
      overriding(files, {
        open(path, mode) {
          const file = files.open(path, mode)
          return overriding(file, change(file))
        }
      })
  }
}

function isRefused(error: unknown, code: string): error is FileError {
  return error instanceof FileError && error.code === code
}

/** Bugs in how a broker takes what a disk refuses, which the enumeration of faults has to find. */
export const faultCanaries: readonly Canary[] = [
  withFile('a sync that failed is tried again, and acknowledged', file => ({
    async datasync() {
      try {
        await file.datasync()
      } catch {
        await file.datasync()
      }
    }
  })),
  withFile('what a full disk did not take is acknowledged', file => ({
    writeSync(pieces, position) {
      try {
        file.writeSync(pieces, position)
      } catch (error) {
        if (!isRefused(error, 'ENOSPC')) throw error
      }
    }
  })),
  withFile('a full disk is taken for one that has failed', file => ({
    writeSync(pieces, position) {
      try {
        file.writeSync(pieces, position)
      } catch (error) {
        if (!isRefused(error, 'ENOSPC')) throw error
        throw new FileError('EIO', error.path, error.message)
      }
    }
  })),
  withFile('a place that cannot be read is taken for the end of the file', file => ({
    readSync(target, position) {
      try {
        return file.readSync(target, position)
      } catch (error) {
        if (!isRefused(error, 'EIO')) throw error
        return 0
      }
    },
    async read(target, position) {
      try {
        return await file.read(target, position)
      } catch (error) {
        if (!isRefused(error, 'EIO')) throw error
        return 0
      }
    }
  }))
]

/** Bugs that show only by a fault in a start after a crash, or by a power cut after that start. */
export const startFaultCanaries: readonly Canary[] = [
  {
    name: 'after a crash the first sync of a log is passed over when it fails',
    wrapFiles(files) {
      if (!isAfterCrash(files)) return files
      const synced = new Set<string>()
      const first = withFile('', file => ({
        async datasync() {
          const isFirst = file.path.endsWith('.log') && !synced.has(file.path)
          synced.add(file.path)
          await file.datasync().catch((error: unknown) => {
            if (!isFirst || !isRefused(error, 'EIO')) throw error
          })
        }
      }))
      return first.wrapFiles!(files)
    }
  },
  withFile('what a failed sync has left in the page cache is not written again', file => ({
    writeSync(pieces, position) {
      const bytes = Buffer.concat(pieces)
      if (!holds(file, bytes, position)) file.writeSync([bytes], position)
    }
  }))
]

function holds(file: OpenFile, bytes: Buffer, position: number): boolean {
  const found = Buffer.alloc(bytes.length)
  try {
    return file.readSync(found, position) === bytes.length && found.equals(bytes)
  } catch (error) {
    if (!isRefused(error, 'EIO')) throw error
    return false
  }
}

/** Whether a start follows a crash, as the broker tells it. */
function isAfterCrash(files: Files): boolean {
  return files.exists('/data/meta.properties') && !files.exists('/data/.kafka_cleanshutdown')
}
