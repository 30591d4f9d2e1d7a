import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
})
