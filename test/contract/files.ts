import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import { FileError, type Files, type OpenFile } from '../../src/io/files.ts'
import { MiB } from '../../src/base/sizes.ts'

/** A fresh, empty folder on the file system under test. */
export interface FilesUnderTest {
  readonly files: Files
  readonly root: string
}

/** What every implementation of `Files` keeps. */
export function filesContract(name: string, open: () => FilesUnderTest): void {
  describe(`${name}: names`, () => nameContract(open))
  describe(`${name}: bytes`, () => byteContract(open))
  describe(`${name}: open files`, () => handleContract(open))
  describe(`${name}: the lock of a folder`, () => lockContract(open))
}

function codeOf(operation: () => unknown): string {
  try {
    operation()
  } catch (error) {
    if (error instanceof FileError) return error.code
    throw error
  }
  return 'nothing was refused'
}

async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof FileError) return error.code
    throw error
  }
  return 'nothing was refused'
}

function write(files: Files, path: string, text: string): void {
  const file = files.open(path, 'create')
  file.writeSync([Buffer.from(text)], 0)
  file.close()
}

function textOf(file: OpenFile): string {
  const bytes = Buffer.alloc(file.size())
  expect(file.readSync(bytes, 0)).toBe(bytes.length)
  return bytes.toString()
}

function read(files: Files, path: string): string {
  const file = files.open(path, 'read')
  try {
    return textOf(file)
  } finally {
    file.close()
  }
}

function nameContract(open: () => FilesUnderTest): void {
  test('a folder is made with its parents, and making it again is fine', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/a/b/c`)
    files.makeDirectory(`${root}/a/b/c`)
    expect(files.list(`${root}/a`)).toEqual([{ name: 'b', kind: 'directory' }])
    expect(files.exists(`${root}/a/b/c`)).toBe(true)
    expect(files.exists(`${root}/a/d`)).toBe(false)
  })

  test('a folder cannot be made where a file is, or below one', () => {
    const { files, root } = open()
    write(files, `${root}/file`, 'x')
    expect(codeOf(() => files.makeDirectory(`${root}/file`))).toBe('EEXIST')
    expect(codeOf(() => files.makeDirectory(`${root}/file/below`))).toBe('ENOTDIR')
  })

  test('a list has files and folders, sorted by code units', () => {
    const { files, root } = open()
    for (const name of ['b', 'B', 'a.10', 'a.9', 'ä']) write(files, `${root}/${name}`, '')
    files.makeDirectory(`${root}/c`)
    expect(files.list(root).map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'file B',
      'file a.10',
      'file a.9',
      'file b',
      'directory c',
      'file ä'
    ])
  })

  test('what is missing or of the wrong kind is refused by its errno name', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/folder`)
    write(files, `${root}/file`, 'x')
    expect(codeOf(() => files.list(`${root}/none`))).toBe('ENOENT')
    expect(codeOf(() => files.list(`${root}/file`))).toBe('ENOTDIR')
    expect(codeOf(() => files.open(`${root}/none`, 'read'))).toBe('ENOENT')
    expect(codeOf(() => files.open(`${root}/none`, 'readWrite'))).toBe('ENOENT')
    expect(codeOf(() => files.open(`${root}/none/file`, 'create'))).toBe('ENOENT')
    expect(codeOf(() => files.open(`${root}/file/below`, 'create'))).toBe('ENOTDIR')
    expect(codeOf(() => files.open(`${root}/file`, 'exclusive'))).toBe('EEXIST')
    expect(codeOf(() => files.open(`${root}/folder`, 'create'))).toBe('EISDIR')
    expect(codeOf(() => files.remove(`${root}/none`))).toBe('ENOENT')
    expect(['EISDIR', 'EPERM']).toContain(codeOf(() => files.remove(`${root}/folder`)))
    expect(codeOf(() => files.removeDirectory(`${root}/none`))).toBe('ENOENT')
    expect(codeOf(() => files.removeDirectory(`${root}/file`))).toBe('ENOTDIR')
    expect(codeOf(() => files.rename(`${root}/none`, `${root}/other`))).toBe('ENOENT')
    expect(codeOf(() => files.freeSize(`${root}/none`))).toBe('ENOENT')
    expect(codeOf(() => files.lock(`${root}/none`))).toBe('ENOENT')
  })

  test('an error tells the path and the reason', () => {
    const { files, root } = open()
    expect(() => files.open(`${root}/none`, 'read')).toThrow(
      `cannot open ${root}/none: no such file or directory (ENOENT)`
    )
  })

  test('renaming a file replaces the one that had the name', () => {
    const { files, root } = open()
    write(files, `${root}/new`, 'new')
    write(files, `${root}/old`, 'old')
    files.rename(`${root}/new`, `${root}/old`)
    expect(read(files, `${root}/old`)).toBe('new')
    expect(files.exists(`${root}/new`)).toBe(false)
  })

  test('renaming a file to its own name changes nothing', () => {
    const { files, root } = open()
    write(files, `${root}/file`, 'text')
    files.rename(`${root}/file`, `${root}/file`)
    expect(read(files, `${root}/file`)).toBe('text')
  })

  test('renaming a folder takes along what it holds', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/topic-0`)
    write(files, `${root}/topic-0/file`, 'text')
    files.rename(`${root}/topic-0`, `${root}/topic-0.deleted`)
    expect(read(files, `${root}/topic-0.deleted/file`)).toBe('text')
    expect(files.exists(`${root}/topic-0`)).toBe(false)
  })

  test('a folder takes the name of an empty folder only, and never moves into itself', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/a/inner`)
    files.makeDirectory(`${root}/empty`)
    files.makeDirectory(`${root}/full`)
    write(files, `${root}/full/file`, 'x')
    write(files, `${root}/file`, 'x')
    expect(codeOf(() => files.rename(`${root}/a`, `${root}/full`))).toBe('ENOTEMPTY')
    expect(codeOf(() => files.rename(`${root}/a`, `${root}/file`))).toBe('ENOTDIR')
    expect(codeOf(() => files.rename(`${root}/file`, `${root}/a`))).toBe('EISDIR')
    expect(codeOf(() => files.rename(`${root}/a`, `${root}/a/inner/a`))).toBe('EINVAL')
    files.rename(`${root}/a`, `${root}/empty`)
    expect(files.list(`${root}/empty`)).toEqual([{ name: 'inner', kind: 'directory' }])
  })

  test('a folder is removed with all it holds', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/a/b`)
    write(files, `${root}/a/b/file`, 'x')
    files.removeDirectory(`${root}/a`)
    expect(files.list(root)).toEqual([])
  })

  test('a folder can be synced, a missing one cannot', async () => {
    const { files, root } = open()
    await files.syncDirectory(root)
    expect(await rejectionOf(files.syncDirectory(`${root}/none`))).toBe('ENOENT')
  })

  test('there is room', () => {
    const { files, root } = open()
    expect(files.freeSize(root)).toBeGreaterThan(0)
    expect(files.volumeSize(root)).toBeGreaterThanOrEqual(files.freeSize(root))
    expect(codeOf(() => files.volumeSize(`${root}/none`))).toBe('ENOENT')
  })
}

function byteContract(open: () => FilesUnderTest): void {
  test('opening with create keeps what the file held', () => {
    const { files, root } = open()
    write(files, `${root}/file`, 'text')
    const file = files.open(`${root}/file`, 'create')
    expect(textOf(file)).toBe('text')
    file.close()
  })

  test('pieces are written one after the other, at the position', async () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'exclusive')
    const pieces = ['ab', '', 'c', 'def'].map(text => Buffer.from(text))
    file.writeSync(pieces, 0)
    await file.write(pieces, 6)
    expect(textOf(file)).toBe('abcdefabcdef')
    file.writeSync([Buffer.from('XY')], 1)
    await file.write([Buffer.from('Z')], 11)
    expect(textOf(file)).toBe('aXYdefabcdeZ')
    file.close()
  })

  test('writing nothing changes nothing, wherever', async () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'create')
    file.writeSync([], 100)
    file.writeSync([Buffer.alloc(0)], 100)
    await file.write([], 100)
    expect(file.size()).toBe(0)
    file.close()
  })

  test('more pieces than the system takes at once arrive whole', async () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'create')
    const pieces = Array.from({ length: 3000 }, (_, index) => Buffer.from([index & 0xff]))
    file.writeSync(pieces, 0)
    await file.write(pieces, 3000)
    const bytes = Buffer.alloc(6000)
    expect(file.readSync(bytes, 0)).toBe(6000)
    expect(bytes.equals(Buffer.concat([...pieces, ...pieces]))).toBe(true)
    file.close()
  })

  test('a gap before the position reads as zeros', () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'create')
    file.writeSync([Buffer.from('a')], 0)
    file.writeSync([Buffer.from('b')], 3)
    expect(textOf(file)).toBe('a\0\0b')
    file.close()
  })

  test('bytes that were cut off do not come back when the file grows again', () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'create')
    file.writeSync([Buffer.from('abcdef')], 0)
    file.truncate(2)
    expect(file.size()).toBe(2)
    file.truncate(4)
    file.writeSync([Buffer.from('X')], 5)
    expect(textOf(file)).toBe('ab\0\0\0X')
    file.close()
  })

  test('reading stops at the end of the file, and beyond it reads nothing', async () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'create')
    file.writeSync([Buffer.from('abc')], 0)
    const target = Buffer.alloc(5, '.')
    expect(file.readSync(target, 1)).toBe(2)
    expect(target.toString()).toBe('bc...')
    expect(await file.read(target, 2)).toBe(1)
    expect(file.readSync(target, 3)).toBe(0)
    expect(await file.read(target, 1000)).toBe(0)
    file.close()
  })

  test('a position that is no count of bytes is a bug of ours', async () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'create')
    for (const position of [-1, 0.5, NaN, Infinity]) {
      expect(() => file.writeSync([Buffer.from('x')], position)).toThrow(AssertionError)
      expect(() => file.readSync(Buffer.alloc(1), position)).toThrow(AssertionError)
      await expect(file.write([Buffer.from('x')], position)).rejects.toThrow(AssertionError)
      await expect(file.read(Buffer.alloc(1), position)).rejects.toThrow(AssertionError)
    }
    expect(file.size()).toBe(0)
    file.close()
  })

  test('a file of several megabytes, written in odd pieces, holds what was written', async () => {
    const { files, root } = open()
    const bytes = Buffer.alloc(3 * MiB + 17)
    for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >>> 8)) & 0xff
    const file = files.open(`${root}/file`, 'create')
    const sizes = [1, 4095, 4097, 70_001, MiB - 1, MiB + 1]
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const piece = bytes.subarray(at, at + sizes[turn % sizes.length]!)
      file.writeSync([piece], at)
      at += piece.length
    }
    const back = Buffer.alloc(bytes.length)
    expect(await file.read(back, 0)).toBe(bytes.length)
    expect(back.equals(bytes)).toBe(true)
    const middle = Buffer.alloc(100_000)
    file.readSync(middle, MiB - 50_000)
    expect(middle.equals(bytes.subarray(MiB - 50_000, MiB + 50_000))).toBe(true)
    file.truncate(2 * MiB + 5)
    const tail = Buffer.alloc(10)
    expect(file.readSync(tail, 2 * MiB)).toBe(5)
    expect(tail.subarray(0, 5).equals(bytes.subarray(2 * MiB, 2 * MiB + 5))).toBe(true)
    file.close()
  })
}

function handleContract(open: () => FilesUnderTest): void {
  test('two that have a file open see what the other writes', async () => {
    const { files, root } = open()
    const writer = files.open(`${root}/file`, 'create')
    const reader = files.open(`${root}/file`, 'read')
    writer.writeSync([Buffer.from('text')], 0)
    await writer.datasync()
    expect(textOf(reader)).toBe('text')
    writer.close()
    reader.close()
  })

  test('an open file outlives its removal', () => {
    const { files, root } = open()
    write(files, `${root}/file`, 'text')
    const file = files.open(`${root}/file`, 'readWrite')
    files.remove(`${root}/file`)
    expect(files.exists(`${root}/file`)).toBe(false)
    file.writeSync([Buffer.from('T')], 0)
    expect(textOf(file)).toBe('Text')
    write(files, `${root}/file`, 'another')
    expect(textOf(file)).toBe('Text')
    file.close()
  })

  test('a file that is removed later is gone when the promise resolves, and what is missing is refused', async () => {
    const { files, root } = open()
    write(files, `${root}/file`, 'text')
    await files.removeLater(`${root}/file`)
    expect(files.exists(`${root}/file`)).toBe(false)
    expect(await rejectionOf(files.removeLater(`${root}/file`))).toBe('ENOENT')
  })

  test('an open file outlives the removal of its folder, and being replaced', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/folder`)
    write(files, `${root}/folder/file`, 'first')
    write(files, `${root}/replaced`, 'second')
    const first = files.open(`${root}/folder/file`, 'read')
    const second = files.open(`${root}/replaced`, 'read')
    files.removeDirectory(`${root}/folder`)
    write(files, `${root}/new`, 'new')
    files.rename(`${root}/new`, `${root}/replaced`)
    expect([textOf(first), textOf(second)]).toEqual(['first', 'second'])
    first.close()
    second.close()
  })

  test('an open file goes along when it or its folder is renamed', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/a`)
    const file = files.open(`${root}/a/file`, 'create')
    files.rename(`${root}/a`, `${root}/b`)
    files.rename(`${root}/b/file`, `${root}/b/other`)
    file.writeSync([Buffer.from('text')], 0)
    expect(read(files, `${root}/b/other`)).toBe('text')
    file.close()
  })

  test('a file opened for reading takes no bytes', async () => {
    const { files, root } = open()
    write(files, `${root}/file`, 'text')
    const file = files.open(`${root}/file`, 'read')
    expect(codeOf(() => file.writeSync([Buffer.from('x')], 0))).toBe('EBADF')
    expect(await rejectionOf(file.write([Buffer.from('x')], 0))).toBe('EBADF')
    expect(['EBADF', 'EINVAL']).toContain(codeOf(() => file.truncate(0)))
    file.close()
    expect(read(files, `${root}/file`)).toBe('text')
  })

  test('a closed file refuses everything but closing it again', async () => {
    const { files, root } = open()
    const file = files.open(`${root}/file`, 'create')
    file.close()
    file.close()
    expect(codeOf(() => file.size())).toBe('EBADF')
    expect(codeOf(() => file.writeSync([Buffer.from('x')], 0))).toBe('EBADF')
    expect(codeOf(() => file.readSync(Buffer.alloc(1), 0))).toBe('EBADF')
    expect(await rejectionOf(file.write([Buffer.from('x')], 0))).toBe('EBADF')
    expect(await rejectionOf(file.read(Buffer.alloc(1), 0))).toBe('EBADF')
    expect(await rejectionOf(file.datasync())).toBe('EBADF')
  })

  test('what was under way when the file was closed still happens, and to that file', async () => {
    const { files, root } = open()
    const bytes = Buffer.alloc(2 * MiB, 'x')
    const file = files.open(`${root}/file`, 'create')
    const underWay = [file.write([bytes], 0), file.datasync()]
    file.close()
    // Takes the descriptor that a careless close would have given free.
    const other = files.open(`${root}/other`, 'create')
    await Promise.all(underWay)
    expect(other.size()).toBe(0)
    other.close()
    expect(read(files, `${root}/file`)).toBe(bytes.toString())
  })
}

function lockContract(open: () => FilesUnderTest): void {
  test('only one has it, and the other hears who', () => {
    const { files, root } = open()
    const first = files.lock(root)
    expect(first.taken).toBe(true)
    const second = files.lock(root)
    expect(second).toEqual({
      taken: false,
      holder: expect.stringContaining('another broker of this process')
    })
    if (first.taken) first.release()
  })

  test('it can be taken again after its release, which counts only once', () => {
    const { files, root } = open()
    const first = files.lock(root)
    if (!first.taken) throw new Error(first.holder)
    first.release()
    const second = files.lock(root)
    first.release()
    expect(second.taken).toBe(true)
    expect(files.lock(root).taken).toBe(false)
    if (second.taken) second.release()
  })

  test('folders are locked one by one', () => {
    const { files, root } = open()
    files.makeDirectory(`${root}/a`)
    files.makeDirectory(`${root}/b`)
    const locks = [files.lock(`${root}/a`), files.lock(`${root}/b`)]
    expect(locks.map(({ taken }) => taken)).toEqual([true, true])
    for (const lock of locks) if (lock.taken) lock.release()
  })
}
