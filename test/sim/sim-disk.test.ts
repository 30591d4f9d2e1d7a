import { describe, expect, test } from 'vitest'
import type { OpenFile } from '../../src/io/files.ts'
import { filesContract } from '../contract/files.ts'
import { lossProfiles, powerLoss, type LossProfile } from './power-loss.ts'
import { SimDisk } from './sim-disk.ts'
import { SimFiles } from './sim-files.ts'

filesContract('files on a simulated disk', () => {
  const files = new SimFiles(new SimDisk(), { seed: 1 })
  files.makeDirectory('/data')
  return { files, root: '/data' }
})

function newFiles(): SimFiles {
  return new SimFiles(new SimDisk(), { seed: 1 })
}

function put(files: SimFiles, path: string, text: string, position = 0): OpenFile {
  const file = files.open(path, 'create')
  file.writeSync([Buffer.from(text)], position)
  return file
}

/** The text of a file; null when there is none. */
function textAt(files: SimFiles, path: string): string | null {
  if (!files.exists(path)) return null
  const file = files.open(path, 'read')
  const bytes = Buffer.alloc(file.size())
  file.readSync(bytes, 0)
  return bytes.toString('latin1')
}

function cut(files: SimFiles, profile: LossProfile, seed = 1): SimFiles {
  const { disk } = files
  return new SimFiles(disk.afterPowerCut(powerLoss(profile, disk, seed)), { seed })
}

/** What may be read at `path` after many cuts. */
function outcomes(files: SimFiles, profile: LossProfile, path: string): Set<string | null> {
  return new Set(Array.from({ length: 300 }, (_, seed) => textAt(cut(files, profile, seed), path)))
}

describe('a power cut', () => {
  test('leaves what was synced, whatever the profile', async () => {
    const files = newFiles()
    files.makeDirectory('/a')
    await put(files, '/a/file', 'safe').datasync()
    await files.syncDirectory('/a')
    await files.syncDirectory('/')
    put(files, '/a/file', 'lost', 600)
    for (const profile of lossProfiles) {
      for (let seed = 0; seed < 50; seed++) {
        expect(textAt(cut(files, profile, seed), '/a/file')?.slice(0, 4)).toBe('safe')
      }
    }
  })

  test('takes a name whose folder was not synced, though the bytes were', async () => {
    const files = newFiles()
    await put(files, '/file', 'bytes').datasync()
    expect(textAt(cut(files, 'nothing'), '/file')).toBe(null)
    expect(outcomes(files, 'adversary', '/file')).toEqual(new Set([null, 'bytes']))
    await files.syncDirectory('/')
    expect(textAt(cut(files, 'nothing'), '/file')).toBe('bytes')
  })

  test('takes bytes that were not synced, though the name was', async () => {
    const files = newFiles()
    const file = put(files, '/file', 'bytes')
    await files.syncDirectory('/')
    expect(textAt(cut(files, 'nothing'), '/file')).toBe('')
    expect(outcomes(files, 'journaled', '/file')).toEqual(new Set(['', 'bytes', '\0\0\0\0\0']))
    await file.datasync()
    expect(outcomes(files, 'adversary', '/file')).toEqual(new Set(['bytes']))
  })

  test('undoes a removal and a rename that were not synced', async () => {
    const files = newFiles()
    await put(files, '/removed', 'one').datasync()
    await put(files, '/renamed', 'two').datasync()
    await files.syncDirectory('/')
    files.remove('/removed')
    files.rename('/renamed', '/other')
    const after = cut(files, 'nothing')
    expect([textAt(after, '/removed'), textAt(after, '/renamed')]).toEqual(['one', 'two'])
    expect(outcomes(files, 'adversary', '/removed')).toEqual(new Set(['one', null]))
    expect(outcomes(files, 'adversary', '/other')).toEqual(new Set(['two', null]))
  })

  test('tears a long write between sectors, and never inside of one', async () => {
    const files = newFiles()
    await put(files, '/file', '-'.repeat(2048)).datasync()
    await files.syncDirectory('/')
    put(files, '/file', '+'.repeat(2048))
    for (const profile of ['ordered', 'journaled', 'adversary'] as const) {
      const texts = outcomes(files, profile, '/file')
      expect(texts.size).toBeGreaterThan(3)
      for (const text of texts) {
        for (let at = 0; at < 2048; at += 512) {
          expect(['-'.repeat(512), '+'.repeat(512)]).toContain(text!.slice(at, at + 512))
        }
      }
    }
    expect(outcomes(files, 'ordered', '/file').size).toBe(5)
    expect(outcomes(files, 'adversary', '/file').size).toBe(16)
  })

  test('may leave garbage under a size that grew', async () => {
    const files = newFiles()
    put(files, '/file', 'n'.repeat(512))
    await files.syncDirectory('/')
    const texts = outcomes(files, 'adversary', '/file')
    expect(texts).toContain('n'.repeat(512))
    expect(texts).toContain('\0'.repeat(512))
    expect(texts.size).toBeGreaterThan(5)
  })

  test('is one that covers what was written before a sync began, not what came after', async () => {
    const files = newFiles()
    const file = put(files, '/file', 'a')
    await files.syncDirectory('/')
    const synced = file.datasync()
    file.writeSync([Buffer.from('b')], 1)
    expect(textAt(cut(files, 'nothing'), '/file')).toBe('')
    await synced
    expect(textAt(cut(files, 'nothing'), '/file')).toBe('a')
  })
})

describe('a refusal', () => {
  test('of a sync leaves bytes that can be read and that no later sync makes safe', async () => {
    const faults = [{ id: 'eio', call: 'datasync', nth: 1, code: 'EIO' }] as const
    const files = new SimFiles(new SimDisk(), { seed: 1, faults })
    const file = put(files, '/file', 'bytes')
    await files.syncDirectory('/')
    await expect(file.datasync()).rejects.toThrow('EIO')
    await file.datasync()
    expect(textAt(files, '/file')).toBe('bytes')
    expect(textAt(cut(files, 'nothing'), '/file')).toBe('\0\0\0\0\0')
    file.writeSync([Buffer.from('b')], 0)
    await file.datasync()
    expect(textAt(cut(files, 'nothing'), '/file')).toBe('bytes')
  })

  test('for want of space comes after what still fits was written', () => {
    const files = new SimFiles(new SimDisk(), { seed: 1, sizeMax: 6 })
    put(files, '/one', 'abcd')
    expect(() => put(files, '/two', 'efgh')).toThrow('ENOSPC')
    expect(textAt(files, '/two')).toBe('ef')
    put(files, '/one', 'ABCD')
    files.remove('/one')
    put(files, '/two', 'efgh')
    expect(files.freeSize('/')).toBe(2)
  })

  test('comes at the call that the plan names, and again only if it lasts', () => {
    const faults = [
      { id: 'one', call: 'write', nth: 2, code: 'EIO', matches: 'a' },
      { id: 'all', call: 'rename', nth: 1, code: 'EIO', lasts: true }
    ] as const
    const files = new SimFiles(new SimDisk(), { seed: 1, faults })
    put(files, '/a', 'x')
    put(files, '/b', 'x')
    expect(() => put(files, '/a', 'xyz')).toThrow('EIO')
    put(files, '/a', 'xyz')
    for (let count = 0; count < 3; count++) {
      expect(() => files.rename('/a', '/c')).toThrow('EIO')
    }
    expect([...files.faults.met]).toEqual(['one', 'all'])
  })
})

test('the death of a process leaves what was written, and what was not synced unsafe', async () => {
  const files = newFiles()
  const file = put(files, '/file', 'bytes')
  await files.syncDirectory('/')
  const after = new SimFiles(files.disk.copy(), { seed: 1 })
  file.writeSync([Buffer.from('BYTES')], 0)
  expect(textAt(after, '/file')).toBe('bytes')
  expect(textAt(cut(after, 'nothing'), '/file')).toBe('')
})

test('a disk can be made again from the list of what was done to it', async () => {
  const files = newFiles()
  files.makeDirectory('/a/b')
  const file = put(files, '/a/b/file', 'x'.repeat(1500))
  await file.datasync()
  file.truncate(700)
  files.rename('/a/b', '/a/c')
  put(files, '/a/other', 'y').close()
  await files.syncDirectory('/a')
  files.removeDirectory('/a/c')
  const again = new SimDisk()
  for (const op of files.ops) again.apply(op)
  expect(again).toEqual(files.disk)
})
