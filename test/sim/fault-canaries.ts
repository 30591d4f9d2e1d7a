import { FileError, type OpenFile } from '../../src/io/files.ts'
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
