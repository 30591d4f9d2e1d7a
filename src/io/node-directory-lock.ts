import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  readlinkSync,
  statSync,
  writeSync
} from 'node:fs'
import { hostname } from 'node:os'
import type { DirectoryLock, LockHolder } from './files.ts'
import { nodeRandom } from './node-random.ts'

// One broker at a time in a data directory. Two layers keep that, both in the file `.lock` of the
// directory.
//
// 1. A lock of the kernel, where one can be had without native code: it ends with the process
//    however that ends, is kept by a stopped process, and holds across containers that share a
//    volume. On Linux the command `flock` locks our descriptor, which it inherits; the lock belongs
//    to the open file and stays when the command has ended. macOS, BSD and Windows lock when they
//    open.
// 2. Claims in the file, which name the holder, and which decide where `flock` is missing. Each
//    contender appends a line; the first line of a living process wins, and appending puts all
//    contenders in one order. The winner then writes its line over the start of the file and cuts
//    the rest, so that its claim stands there at every moment; it lets go by wiping that line. (The
//    file keeps its size: on a full disk the next start needs no new block.) A loser withdraws its
//    line. Processes are told apart by their start time too, so that a recycled process id blocks
//    nobody.

type KernelLock = 'flock' | 'open'

/** A line of the lock file. */
interface Claim {
  readonly token: string
  readonly pid: number
  /** Clock ticks from boot to the start of the process; null where the system does not tell. */
  readonly startTicks: string | null
  readonly bootId: string | null
  readonly pidNamespace: string | null
  readonly host: string
  readonly since: string
  /** What else protects this claim; whoever gets the same lock knows that the claim is dead. */
  readonly kernelLock: KernelLock | null
}

/** A file that is removed while we lock it is tried again this often. */
const attemptCountMax = 10
const flockTimeoutMs = 10_000

const exclusiveOpenFlags: Readonly<Partial<Record<NodeJS.Platform, number>>> = {
  darwin: 0x20 | constants.O_NONBLOCK,
  freebsd: 0x20 | constants.O_NONBLOCK,
  openbsd: 0x20 | constants.O_NONBLOCK,
  win32: 0x1000_0000
}

/**
 * @param kernelLock false leaves the decision to the claims alone, as where the kernel's lock
 * cannot be had
 */
export function lockDirectory(
  path: string,
  { kernelLock = true }: { readonly kernelLock?: boolean } = {}
): DirectoryLock | LockHolder {
  const lockPath = `${path}/.lock`
  for (let attempt = 0; attempt < attemptCountMax; attempt++) {
    const opened = openLocked(lockPath, kernelLock)
    if (opened === 'held') return { taken: false, holder: describe(readClaims(lockPath)[0]) }
    let kept = false
    try {
      const outcome = claim(lockPath, opened)
      if (outcome !== 'claimed' && outcome !== 'vanished')
        return { taken: false, holder: describe(outcome) }
      // A file that somebody removed or replaced in between locks nothing.
      kept = outcome === 'claimed' && isStillThere(lockPath, opened.descriptor)
      if (kept) return { taken: true, release: releaser(opened.descriptor) }
    } finally {
      if (!kept) closeSync(opened.descriptor)
    }
  }
  return { taken: false, holder: 'somebody who keeps removing the lock file' }
}

interface Opened {
  readonly descriptor: number
  readonly kernelLock: KernelLock | null
}

function openLocked(lockPath: string, wantsKernelLock: boolean): Opened | 'held' {
  const flags = constants.O_RDWR | constants.O_CREAT
  const exclusive = wantsKernelLock ? exclusiveOpenFlags[process.platform] : undefined
  if (exclusive !== undefined) {
    try {
      return { descriptor: openSync(lockPath, flags | exclusive, 0o644), kernelLock: 'open' }
    } catch (error) {
      if (hasCode(error, 'EAGAIN') || hasCode(error, 'EBUSY')) return 'held'
      if (!hasCode(error, 'ENOTSUP') && !hasCode(error, 'EINVAL')) throw error
    }
  }
  const descriptor = openSync(lockPath, flags, 0o644)
  if (!wantsKernelLock || process.platform !== 'linux') return { descriptor, kernelLock: null }
  const status = flock(descriptor)
  if (status !== 'held') return { descriptor, kernelLock: status === 'locked' ? 'flock' : null }
  closeSync(descriptor)
  return 'held'
}

function flock(descriptor: number): 'locked' | 'held' | 'unavailable' {
  const { status } = spawnSync('flock', ['-x', '-n', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    timeout: flockTimeoutMs
  })
  if (status === 0) return 'locked'
  return status === 1 ? 'held' : 'unavailable'
}

/**
 * Puts our claim at the start of the file, or tells whose claim stands against it.
 *
 * @returns 'vanished' when our own line is not there: a winner has cut it off, or the file was
 *   replaced, and in both cases another look tells
 */
function claim(
  lockPath: string,
  { descriptor, kernelLock }: Opened
): Claim | 'claimed' | 'vanished' {
  const own = ownClaim(kernelLock)
  const lives = (other: Claim): boolean =>
    (kernelLock === null || other.kernelLock !== kernelLock) && isAlive(other, own)
  const holder = readClaims(lockPath, descriptor).find(lives)
  if (holder !== undefined) return holder

  append(lockPath, descriptor, kernelLock, own)
  const isOwn = (other: Claim): boolean => other.token === own.token
  const first = readClaims(lockPath, descriptor).find(other => isOwn(other) || lives(other))
  if (first === undefined || !isOwn(first)) {
    append(lockPath, descriptor, kernelLock, { withdrawn: own.token })
    return first ?? 'vanished'
  }
  const line = toLine(own)
  writeSync(descriptor, line, 0, line.length, 0)
  ftruncateSync(descriptor, line.length)
  return 'claimed'
}

function releaser(descriptor: number): () => void {
  let released = false
  return () => {
    if (released) return
    released = true
    const blank = Buffer.alloc(fstatSync(descriptor).size, '\n')
    writeSync(descriptor, blank, 0, blank.length, 0)
    closeSync(descriptor)
  }
}

/**
 * Whoever has opened the file exclusively cannot open it again, and has no need of an atomic
 * append.
 */
function append(
  lockPath: string,
  descriptor: number,
  kernelLock: KernelLock | null,
  line: Claim | { readonly withdrawn: string }
): void {
  const bytes = toLine(line)
  if (kernelLock === 'open')
    writeSync(descriptor, bytes, 0, bytes.length, fstatSync(descriptor).size)
  else appendFileSync(lockPath, bytes)
}

/**
 * Begins with a line break of its own: what stands before may be a line that was torn when its
 * writer died.
 */
function toLine(line: Claim | { readonly withdrawn: string }): Buffer {
  return Buffer.from(`\n${JSON.stringify(line)}\n`)
}

/**
 * The claims that nobody withdrew, oldest first. Lines that make no sense were written over, and
 * count for nothing.
 */
function readClaims(lockPath: string, descriptor: number | null = null): readonly Claim[] {
  const claims: Claim[] = []
  const withdrawn = new Set<unknown>()
  for (const line of readText(lockPath, descriptor).split('\n')) {
    if (line === '') continue
    const value = parse(line)
    if (isClaim(value)) claims.push(value)
    else if (value !== null && 'withdrawn' in value) withdrawn.add(value.withdrawn)
  }
  return claims.filter(({ token }) => !withdrawn.has(token))
}

function readText(lockPath: string, descriptor: number | null): string {
  if (descriptor === null) {
    try {
      return readFileSync(lockPath, 'utf8')
    } catch {
      // The name of the holder is worth no failure: an exclusively opened file cannot be read.
      return ''
    }
  }
  const bytes = Buffer.alloc(fstatSync(descriptor).size)
  return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, 0))
}

function parse(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

function isClaim(value: object | null): value is Claim {
  return value !== null && 'token' in value && 'pid' in value && typeof value.pid === 'number'
}

function ownClaim(kernelLock: KernelLock | null): Claim {
  return {
    token: nodeRandom.bytes(16).toString('hex'),
    pid: process.pid,
    startTicks: readProcess(process.pid)?.startTicks ?? null,
    bootId: readIfThere(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readIfThere(() => readlinkSync('/proc/self/ns/pid')),
    host: hostname(),
    since: new Date().toISOString(),
    kernelLock
  }
}

/**
 * Whether the process of a claim still runs. Where that cannot be seen, because it ran in another
 * container, the same host name means the same container started again; a different one is believed
 * to be alive.
 */
function isAlive(claim: Claim, own: Claim): boolean {
  if (claim.bootId !== own.bootId) return false
  if (claim.pidNamespace !== own.pidNamespace) return claim.host !== own.host
  try {
    process.kill(claim.pid, 0)
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return false
  }
  const running = readProcess(claim.pid)
  if (running === null || claim.startTicks === null) return true
  return running.startTicks === claim.startTicks && !running.isZombie
}

/** What Linux tells of a process; null elsewhere, or where others' processes are hidden. */
function readProcess(pid: number): { startTicks: string | null; isZombie: boolean } | null {
  const stat = readIfThere(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (stat === null) return null
  // The name of the command, in parentheses, may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { startTicks: fields[19] ?? null, isZombie: fields[0] === 'Z' || fields[0] === 'X' }
}

function readIfThere(read: () => string): string | null {
  try {
    return read()
  } catch {
    return null
  }
}

function isStillThere(lockPath: string, descriptor: number): boolean {
  try {
    return statSync(lockPath).ino === fstatSync(descriptor).ino
  } catch {
    return false
  }
}

function describe(claim: Claim | undefined): string {
  if (claim === undefined) return 'another process'
  const who =
    claim.pid === process.pid && claim.host === hostname()
      ? `another broker of this process (${claim.pid})`
      : `process ${claim.pid} on ${claim.host}`
  return `${who} since ${claim.since}`
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
