import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { nodeFiles } from '../../src/io/node-files.ts'
import { filesContract } from '../contract/files.ts'

const made: string[] = []

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'odradek-files-'))
  made.push(path)
  return path
}

filesContract('the real file system', () => ({ files: nodeFiles(), root: temporary() }))

test.runIf(process.platform === 'linux')(
  'Linux says how many descriptors a process may have',
  () => {
    const { descriptorsMax } = nodeFiles()
    const { stdout } = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })
    const told = stdout.trim()
    expect(descriptorsMax).toBe(told === 'unlimited' ? Infinity : Number(told))
  }
)

test('a system that takes a few bytes at a time gets them all, in order', async () => {
  // The same module, over a system that writes at most seven bytes a call.
  vi.resetModules()
  vi.doMock('node:fs', async importOriginal => shortWrites(await importOriginal<Fs>()))
  try {
    const { nodeFiles: shortFiles } = await import('../../src/io/node-files.ts')
    const file = shortFiles().open(join(temporary(), 'file'), 'create')
    const pieces = ['abcdefghij', '', 'klm', 'nopqrstuvwxyz'].map(text => Buffer.from(text))
    file.writeSync(pieces, 0)
    file.writeSync([Buffer.from('0123456789')], 26)
    await file.write(pieces, 36)
    const bytes = Buffer.alloc(file.size())
    expect(file.readSync(bytes, 0)).toBe(62)
    const alphabet = 'abcdefghijklmnopqrstuvwxyz'
    expect(bytes.toString()).toBe(`${alphabet}0123456789${alphabet}`)
    bytes.fill(0)
    expect(await file.read(bytes, 0)).toBe(62)
    expect(bytes.toString()).toBe(`${alphabet}0123456789${alphabet}`)
    file.close()
  } finally {
    vi.doUnmock('node:fs')
  }
})

type Fs = typeof import('node:fs')

function shortWrites(fs: Fs): object {
  const most = 7
  const short: Partial<Record<keyof Fs, unknown>> = {
    writeSync: (fd: number, bytes: Buffer, from: number, size: number, at: number) =>
      fs.writeSync(fd, bytes, from, Math.min(size, most), at),
    writevSync: (fd: number, pieces: Buffer[], at: number) =>
      fs.writevSync(fd, [Buffer.concat(pieces).subarray(0, most)], at),
    writev: (fd: number, pieces: Buffer[], at: number, done: () => void) =>
      fs.writev(fd, [Buffer.concat(pieces).subarray(0, most)], at, done),
    readSync: (fd: number, target: Buffer, from: number, size: number, at: number) =>
      fs.readSync(fd, target, from, Math.min(size, most), at),
    read: (fd: number, target: Buffer, from: number, size: number, at: number, done: () => void) =>
      fs.read(fd, target, from, Math.min(size, most), at, done)
  }
  return { ...fs, ...short }
}

test('a wrong argument is a bug of ours and no FileError', () => {
  const file = nodeFiles().open(join(temporary(), 'file'), 'create')
  expect(() => file.truncate(0.5)).toThrow(RangeError)
  file.close()
})
