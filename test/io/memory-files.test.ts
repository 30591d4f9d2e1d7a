import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test, vi } from 'vitest'
import { FileError, type OpenFile } from '../../src/io/files.ts'
import { memoryFiles, type MemoryFiles } from '../../src/io/memory-files.ts'
import { KiB, MiB } from '../../src/base/sizes.ts'
import { filesContract } from '../contract/files.ts'

filesContract('files in memory', () => {
  const files = memoryFiles()
  files.makeDirectory('/data')
  return { files, root: '/data' }
})

function noSpace(operation: () => void): boolean {
  try {
    operation()
    return false
  } catch (error) {
    return error instanceof FileError && error.code === 'ENOSPC'
  }
}

describe('a file system of limited size', () => {
  test('writes what still fits and refuses the rest', () => {
    const files = memoryFiles({ sizeMax: 10 })
    const file = files.open('/file', 'create')
    file.writeSync([Buffer.from('abcdefg')], 0)
    expect(files.freeSize('/')).toBe(3)
    expect(noSpace(() => file.writeSync([Buffer.from('hi'), Buffer.from('jkl')], 7))).toBe(true)
    const bytes = Buffer.alloc(20)
    expect(file.readSync(bytes, 0)).toBe(10)
    expect(bytes.toString('utf8', 0, 10)).toBe('abcdefghij')
    expect(files.freeSize('/')).toBe(0)
  })

  test('lets what is there be written over when it is full', () => {
    const files = memoryFiles({ sizeMax: 4 })
    const file = files.open('/file', 'create')
    file.writeSync([Buffer.from('abcd')], 0)
    file.writeSync([Buffer.from('XY')], 1)
    expect(noSpace(() => file.writeSync([Buffer.from('XYZ')], 2))).toBe(true)
    expect(file.size()).toBe(4)
  })

  test('has room again when files are cut, removed or replaced', () => {
    const files = memoryFiles({ sizeMax: 10 })
    for (const name of ['a', 'b', 'c']) {
      const file = files.open(`/${name}`, 'create')
      file.writeSync([Buffer.from('xyz')], 0)
      file.close()
    }
    expect(files.freeSize('/')).toBe(1)
    const a = files.open('/a', 'readWrite')
    a.truncate(1)
    a.close()
    expect(files.freeSize('/')).toBe(3)
    files.rename('/b', '/c')
    expect(files.freeSize('/')).toBe(6)
    files.remove('/c')
    expect(files.freeSize('/')).toBe(9)
  })

  test('counts a removed file until the last who has it open closes it', () => {
    const files = memoryFiles({ sizeMax: 10 })
    files.makeDirectory('/folder')
    const first = files.open('/folder/file', 'create')
    const second = files.open('/folder/file', 'read')
    first.writeSync([Buffer.from('xyz')], 0)
    files.removeDirectory('/folder')
    first.close()
    expect([files.usedSize, files.openCount]).toEqual([3, 1])
    second.close()
    expect([files.usedSize, files.openCount]).toEqual([0, 0])
  })

  test('does not let a file grow halfway by truncate', () => {
    const files = memoryFiles({ sizeMax: 10 })
    const file = files.open('/file', 'create')
    expect(noSpace(() => file.truncate(11))).toBe(true)
    expect([file.size(), files.usedSize]).toEqual([0, 0])
    file.truncate(10)
    expect(files.freeSize('/')).toBe(0)
  })
})

test('a file that is appended to in small writes is not copied over and over', () => {
  const files = memoryFiles()
  const file = files.open('/file', 'create')
  const piece = Buffer.alloc(KiB, 'x')
  let copied = 0
  const set = Buffer.prototype.set
  Buffer.prototype.set = function (this: Buffer, source: ArrayLike<number>, offset?: number) {
    copied += source.length
    set.call(this, source, offset)
  }
  try {
    for (let at = 0; at < 16 * MiB; at += KiB) file.writeSync([piece], at)
  } finally {
    Buffer.prototype.set = set
  }
  expect(file.size()).toBe(16 * MiB)
  // The bytes themselves, and the first megabyte twice at most.
  expect(copied).toBeGreaterThanOrEqual(16 * MiB)
  expect(copied).toBeLessThan(18 * MiB)
})

describe('memory is given back', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')

  test.each<[string, (files: MemoryFiles, file: OpenFile) => void]>([
    ['cut', (_, file) => file.truncate(0)],
    [
      'removed and closed',
      (files, file) => {
        files.remove('/file')
        file.close()
      }
    ],
    [
      'replaced and closed',
      (files, file) => {
        files.open('/other', 'create').close()
        files.rename('/other', '/file')
        file.close()
      }
    ]
  ])('when a file is %s', async (_, letGo) => {
    const files = memoryFiles()
    const file = files.open('/file', 'create')
    const chunks: WeakRef<Buffer>[] = []
    // By hand: a spy would remember what was returned, and so keep it alive.
    const own = Object.getOwnPropertyDescriptor(Buffer, 'allocUnsafeSlow')!
    Buffer.allocUnsafeSlow = size => {
      const chunk = Buffer.from(new ArrayBuffer(size))
      chunks.push(new WeakRef(chunk))
      return chunk
    }
    try {
      for (let at = 0; at < 8 * MiB; at += MiB) file.writeSync([Buffer.alloc(MiB, 'x')], at)
    } finally {
      Object.defineProperty(Buffer, 'allocUnsafeSlow', own)
    }
    const heldCount = (): number => {
      collectGarbage()
      return chunks.filter(chunk => chunk.deref() !== undefined).length
    }
    expect(heldCount()).toBe(8)
    letGo(files, file)
    await vi.waitUntil(() => heldCount() === 0, { timeout: 10_000, interval: 5 })
    expect(files.usedSize).toBe(0)
  })
})

test('two file systems have nothing in common', () => {
  const one = memoryFiles()
  const other = memoryFiles()
  one.makeDirectory('/data')
  expect(other.exists('/data')).toBe(false)
})
