import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { DirectoryLock, LockHolder } from '../../src/io/files.ts'
import { lockDirectory } from '../../src/io/node-directory-lock.ts'

const lockModule = fileURLToPath(new URL('../../src/io/node-directory-lock.ts', import.meta.url))
const loader = import.meta.resolve('tsx')
const children: ChildProcess[] = []
let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'odradek-lock-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  rmSync(path, { recursive: true, force: true })
})

/** Another process that takes the lock and keeps it; resolves with what it was told. */
async function contender(kernelLock: boolean): Promise<{ child: ChildProcess; taken: boolean }> {
  const script = `
    import { lockDirectory } from ${JSON.stringify(lockModule)}
    const lock = lockDirectory(${JSON.stringify(path)}, { kernelLock: ${kernelLock} })
    process.stdout.write(lock.taken ? 'taken' : 'refused')
    setInterval(() => {}, 1000)`
  const child = spawn(
    process.execPath,
    ['--import', loader, '--input-type=module', '--eval', script],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  children.push(child)
  const [answer]: unknown[] = await once(child.stdout, 'data')
  return { child, taken: String(answer) === 'taken' }
}

function release(lock: DirectoryLock | LockHolder): void {
  if (!lock.taken) throw new Error(`held by ${lock.holder}`)
  lock.release()
}

function lines(): readonly object[] {
  const text = readFileSync(join(path, '.lock'), 'utf8')
  return text
    .split('\n')
    .filter(line => line !== '')
    .map((line): object => Object(JSON.parse(line)))
}

describe.each([
  { layer: 'a lock of the kernel', kernelLock: true },
  { layer: 'claims alone', kernelLock: false }
])('with $layer', ({ kernelLock }) => {
  const lock = (): DirectoryLock | LockHolder => lockDirectory(path, { kernelLock })

  test('another process is refused and hears who holds the folder', async () => {
    const { child, taken } = await contender(kernelLock)
    expect(taken).toBe(true)
    const answer = lock()
    expect(answer).toEqual({
      taken: false,
      holder: expect.stringContaining(`process ${child.pid} on ${hostname()} since 20`)
    })
  })

  test('a killed holder does not block the next one', async () => {
    const { child } = await contender(kernelLock)
    child.kill('SIGKILL')
    await once(child, 'exit')
    release(lock())
  })

  test('a stopped holder keeps the folder', async () => {
    const { child } = await contender(kernelLock)
    child.kill('SIGSTOP')
    expect(lock().taken).toBe(false)
  })

  test('a child that the holder leaves behind does not keep the folder', async () => {
    const held = lock()
    const orphan = spawn('sleep', ['60'], { stdio: 'ignore' })
    children.push(orphan)
    release(held)
    release(lock())
    expect(orphan.exitCode).toBeNull()
  })

  test('of many that start at once, one gets it', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => contender(kernelLock)))
    expect(all.filter(({ taken }) => taken)).toHaveLength(1)
    expect(lock().taken).toBe(false)
  })

  test('a loser leaves no claim behind', () => {
    const held = lock()
    expect(lock().taken).toBe(false)
    release(held)
    release(lock())
    expect(lines()).toEqual([])
  })

  test('the file holds the claim of the holder and nothing else', () => {
    writeFileSync(join(path, '.lock'), `${'not a claim\n'.repeat(100)}{"token":`)
    const held = lock()
    expect(lines()).toEqual([
      expect.objectContaining({ pid: process.pid, host: hostname(), since: expect.any(String) })
    ])
    release(held)
  })

  test('a lock file that was removed by hand does not make two holders of one name', () => {
    const held = lock()
    rmSync(join(path, '.lock'))
    const other = lock()
    expect(other.taken).toBe(true)
    // The old holder's release must not touch what the new one wrote.
    release(held)
    expect(lines()).toHaveLength(1)
    expect(lock().taken).toBe(false)
    release(other)
  })
})

describe('of one that has the lock of the kernel and one that cannot get it', () => {
  test.each([true, false])('the second is refused (first with the kernel: %s)', kernelLock => {
    const held = lockDirectory(path, { kernelLock })
    expect(lockDirectory(path, { kernelLock: !kernelLock }).taken).toBe(false)
    release(held)
    release(lockDirectory(path, { kernelLock: !kernelLock }))
  })
})

/** The claim that this process would write, changed. */
function leave(changes: Readonly<Record<string, unknown>>): void {
  const held = lockDirectory(path, { kernelLock: false })
  const [own] = lines()
  release(held)
  appendFileSync(join(path, '.lock'), `${JSON.stringify({ ...own, ...changes })}\n`)
}

/** Whether the folder can be had by claims alone. */
function takes(): boolean {
  const lock = lockDirectory(path, { kernelLock: false })
  if (lock.taken) lock.release()
  return lock.taken
}

describe.runIf(process.platform === 'linux')('the command flock', () => {
  const searchPath = process.env.PATH

  afterEach(() => {
    process.env.PATH = searchPath
  })

  test('is used where it is there', () => {
    const isThere = spawnSync('flock', ['--help']).status === 0
    const held = lockDirectory(path)
    expect(lines()).toEqual([expect.objectContaining({ kernelLock: isThere ? 'flock' : null })])
    release(held)
  })

  test('may be missing: then the claims decide', () => {
    process.env.PATH = join(path, 'nowhere')
    const held = lockDirectory(path)
    expect(lines()).toEqual([expect.objectContaining({ kernelLock: null })])
    expect(lockDirectory(path).taken).toBe(false)
    release(held)
  })
})

describe('a claim that a process left behind', () => {
  test('blocks while the process lives', () => {
    leave({})
    expect(takes()).toBe(false)
  })

  test.runIf(process.platform === 'linux')(
    'does not block when its process id was recycled',
    () => {
      leave({ startTicks: '1' })
      expect(takes()).toBe(true)
    }
  )

  test.runIf(process.platform === 'linux')('does not block after the machine was restarted', () => {
    leave({ bootId: 'an earlier one' })
    expect(takes()).toBe(true)
  })

  test('does not block when the process is gone', () => {
    leave({ pid: 2 ** 22 + 1 })
    expect(takes()).toBe(true)
  })

  test('of the same container started again does not block, of another container it does', () => {
    leave({ pidNamespace: 'pid:[1]', pid: 2 ** 22 + 1 })
    expect(takes()).toBe(true)
    leave({ pidNamespace: 'pid:[1]', pid: 2 ** 22 + 1, host: 'another' })
    expect(takes()).toBe(false)
  })

  test('does not block when it was withdrawn', () => {
    leave({ token: 'lost' })
    appendFileSync(join(path, '.lock'), '{"withdrawn":"lost"}\n')
    expect(takes()).toBe(true)
  })

  test.runIf(process.platform === 'linux')('does not block whoever gets its kernel lock', () => {
    leave({ kernelLock: 'flock' })
    const lock = lockDirectory(path)
    expect(lock.taken).toBe(true)
    release(lock)
  })

  test.runIf(process.platform === 'linux')(
    'does not block when the process is a zombie',
    async () => {
      // The shell's child ends at once, and what the shell becomes never asks for it.
      const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'])
      children.push(parent)
      const [pid]: unknown[] = await once(parent.stdout, 'data')
      const stat = (): string[] => {
        const text = readFileSync(`/proc/${Number(pid)}/stat`, 'latin1')
        return text.slice(text.lastIndexOf(')') + 2).split(' ')
      }
      await vi.waitUntil(() => stat()[0] === 'Z', { timeout: 10_000, interval: 5 })
      leave({ pid: Number(pid), startTicks: stat()[19] })
      expect(takes()).toBe(true)
    }
  )
})

describe('when something happens between two steps', () => {
  type Fs = typeof import('node:fs')

  /**
   * The module over a file system in which `interfere` runs once, before the first call of `name`.
   */
  async function lockOver(
    name: 'appendFileSync' | 'ftruncateSync',
    interfere: () => void
  ): Promise<typeof lockDirectory> {
    vi.resetModules()
    let interfered = false
    vi.doMock('node:fs', async importOriginal => {
      const fs = await importOriginal<Fs>()
      const call = (...values: readonly unknown[]): unknown => {
        if (!interfered) interfere()
        interfered = true
        return Reflect.apply(fs[name], fs, values)
      }
      return { ...fs, [name]: call }
    })
    const loaded = await import('../../src/io/node-directory-lock.ts')
    return loaded.lockDirectory
  }

  afterEach(() => {
    vi.doUnmock('node:fs')
  })

  test.each(['appendFileSync', 'ftruncateSync'] as const)(
    'a lock file that is removed before %s is made anew',
    async name => {
      const lock = await lockOver(name, () => rmSync(join(path, '.lock')))
      const held = lock(path, { kernelLock: false })
      expect(held.taken).toBe(true)
      expect(lines()).toEqual([expect.objectContaining({ pid: process.pid })])
      expect(lockDirectory(path, { kernelLock: false }).taken).toBe(false)
      release(held)
    }
  )

  test('one whose claim came second hears of the first, and leaves none behind', async () => {
    const held = lockDirectory(path, { kernelLock: false })
    const [own] = lines()
    release(held)
    const faster = `${JSON.stringify({ ...own, token: 'faster', since: 'just now' })}\n`
    const lock = await lockOver('appendFileSync', () => appendFileSync(join(path, '.lock'), faster))
    expect(lock(path, { kernelLock: false })).toEqual({
      taken: false,
      holder: expect.stringContaining('just now')
    })
    appendFileSync(join(path, '.lock'), '{"withdrawn":"faster"}\n')
    expect(takes()).toBe(true)
  })
})
