import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePorts } from '../oracle/kafka.ts'
import { WrongOption } from '../wrong-option.ts'
import { keptDurability, wholeNumber, type Bar } from './bar.ts'
import { BrokerUnderTest, type BrokerSetup, type Ended } from './broker-under-test.ts'
import { ScriptedRun, scriptedConfigs } from './scripted.ts'

// strace ends the real process at the k-th call of a kind, or lets that call fail, for k = 1, 2, 3
// and so on until a run comes through untouched. Counters of strace are per thread, so there is one
// thread for files.

/** What is done to one system call. */
export interface Injection {
  readonly call: string
  readonly fault: 'KILL' | 'EIO' | 'ENOSPC' | 'EMFILE'
}

export interface SyscallOptions {
  readonly injections: readonly Injection[]
  /** Every how many calls a run is made: 1 is each of them. */
  readonly step: number
  /** Runs of one injection, at most. */
  readonly runsMax: number
  readonly durability: 'os' | 'fsync'
  onFault(sentence: string): void
}

export interface SyscallOutcome {
  runs: number
  /** Runs that the fault has met. */
  hit: number
  /** Runs in which the broker stopped because of an error, with its exit code and a line. */
  stopped: number
  acknowledged: number
  faults: number
}

/** How long a broker may take to end, ms. */
const stopMsLimit = 60_000
/** How long an error that was met is waited for, ms. */
const noticeMs = 500

/** Every call that writes, and what can become of it. */
const allInjections: readonly Injection[] = [
  ...['pwrite64', 'pwritev', 'fdatasync', 'fsync', 'rename', 'unlink', 'ftruncate', 'write'].map(
    call => ({ call, fault: 'KILL' as const })
  ),
  ...['pwrite64', 'pwritev', 'fdatasync', 'fsync', 'rename', 'pread64'].map(call => ({
    call,
    fault: 'EIO' as const
  })),
  ...['pwrite64', 'pwritev', 'rename'].map(call => ({ call, fault: 'ENOSPC' as const })),
  { call: 'openat', fault: 'EMFILE' }
]

const usage = `npm run bar -- syscalls [options]

With strace: kills the real broker at the k-th write, sync, rename …, or lets that call fail, for
k = 1, 2, 3 and so on until a run comes through; then starts it again and reads everything back.

  --step N            makes a run for every N-th call only (default 1)
  --runs N            of one kind of fault, at most (default 1000)
  --only TEXT         the faults whose name, such as pwrite64:EIO, contains it
  --durability MODE   os or fsync (default fsync)
`

async function syscalls(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      step: { type: 'string', default: '1' },
      runs: { type: 'string', default: '1000' },
      only: { type: 'string' },
      durability: { type: 'string', default: 'fsync' }
    }
  })
  const step = wholeNumber('step', values.step)
  const runsMax = wholeNumber('runs', values.runs)
  const durability = keptDurability(values.durability)
  const injections = allInjections.filter(({ call, fault }) =>
    `${call}:${fault}`.includes(values.only ?? '')
  )
  if (injections.length === 0) throw new WrongOption(`--only ${values.only} is in no fault's name`)
  if (!hasStrace()) {
    console.log('syscalls SKIP: strace is missing, or may not trace here')
    return 0
  }
  const startedMs = Date.now()
  const outcome = await runSyscalls({
    injections,
    step,
    runsMax,
    durability,
    onFault: sentence => console.error(sentence)
  })
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0)
  const good = outcome.faults === 0 && outcome.hit > 0
  console.log(
    `syscalls: ${outcome.runs} runs, ${outcome.hit} calls hit, ${outcome.stopped} orderly stops, ` +
      `${outcome.acknowledged} records acknowledged, ${outcome.faults} promises broken, ` +
      `${seconds} s ${good ? 'PASS' : 'FAIL'}`
  )
  return good ? 0 : 1
}

export const bar: Bar = { usage, run: syscalls }

/** Whether strace is there and may trace. */
export function hasStrace(): boolean {
  return spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0
}

export async function runSyscalls(options: SyscallOptions): Promise<SyscallOutcome> {
  const outcome = { runs: 0, hit: 0, stopped: 0, acknowledged: 0, faults: 0 }
  for (const injection of options.injections) {
    for (let run = 0; run < options.runsMax; run++) {
      const when = 1 + run * options.step
      if (!(await runOnce(injection, when, options, outcome))) break
    }
  }
  return outcome
}

/** One life of a broker under strace, and one without; false when the fault met nothing. */
async function runOnce(
  injection: Injection,
  when: number,
  options: SyscallOptions,
  outcome: SyscallOutcome
): Promise<boolean> {
  const root = mkdtempSync(join(tmpdir(), 'odradek-syscalls-'))
  const trace = join(root, 'trace')
  const [port] = await freePorts(1)
  const setup: BrokerSetup = {
    directory: join(root, 'data'),
    port: port!,
    durability: options.durability,
    configs: scriptedConfigs,
    environment: { UV_THREADPOOL_SIZE: '1' }
  }
  const broker = new BrokerUnderTest({ ...setup, runner: strace(injection, when, trace) })
  const script = new ScriptedRun(broker.address)
  const place = `${injection.call}:${injection.fault}:when=${when}`
  const faults: string[] = []
  let after: BrokerUnderTest | null = null
  try {
    const life = await live(broker, script, trace)
    outcome.runs++
    if (life.hit) outcome.hit++
    if (life.ended.code !== null && life.ended.code !== 0) outcome.stopped++
    faults.push(...judgeEnd(injection, life, broker.log))
    after = new BrokerUnderTest(setup)
    await after.start()
    faults.push(...(await script.broken()))
    outcome.acknowledged += script.acknowledgedCount
    return life.hit
  } catch (error) {
    faults.push(String(error))
    return true
  } finally {
    await broker.kill()
    await after?.kill()
    rmSync(root, { recursive: true, force: true })
    outcome.faults += faults.length
    for (const fault of faults) options.onFault(`${place}: ${fault}\n${broker.log}`)
  }
}

function strace({ call, fault }: Injection, when: number, trace: string): readonly string[] {
  const what = fault === 'KILL' ? 'signal=KILL' : `error=${fault}`
  const inject = `inject=${call}:${what}:when=${when}`
  const flags = ['-D', '-f', '-qq', '--seccomp-bpf', '-o', trace]
  return ['strace', ...flags, '-e', `trace=${call}`, '-e', inject]
}

interface Life {
  readonly ended: Ended
  /** Whether the fault happened. */
  readonly hit: boolean
  /** Whether the broker ended before it was told to stop. */
  readonly isEndedByItself: boolean
  readonly wasReady: boolean
}

/** Starts the broker, takes it through the script, and stops it unless it has ended by then. */
async function live(broker: BrokerUnderTest, script: ScriptedRun, trace: string): Promise<Life> {
  broker.spawn()
  let hasEnded = false
  const ended = broker.ended().finally(() => (hasEnded = true))
  const wasReady = await broker.ready().then(
    () => true,
    () => false
  )
  // Without a broker the script is soon through, and it must be before the next one is there.
  if (wasReady) await script.run()
  // What failed is noticed at once, or it never will be.
  if (!hasEnded && wasHit(trace)) await Promise.race([ended, sleep(noticeMs)])
  const isEndedByItself = hasEnded
  broker.signal('SIGTERM')
  const end = await Promise.race([ended, sleep(stopMsLimit)])
  if (end === undefined) throw new Error(`the broker did not stop within ${stopMsLimit} ms`)
  const hit = end.signal === 'SIGKILL' || wasHit(trace)
  return { ended: end, hit, isEndedByItself, wasReady }
}

function wasHit(trace: string): boolean {
  return readFileSync(trace, 'utf8').includes('(INJECTED)')
}

function sleep(ms: number): Promise<undefined> {
  return new Promise(resolve => setTimeout(() => resolve(undefined), ms).unref())
}

/** Whether the broker may end like that. */
function judgeEnd(
  { fault, call }: Injection,
  { ended, hit, isEndedByItself, wasReady }: Life,
  log: string
): readonly string[] {
  if (fault === 'KILL') return []
  // What begins before the broker's own code, such as OpenSSL, has the words of the system.
  const says = /cannot|failed|full|stops|EMFILE|Too many open files/.test(log)
  if (isEndedByItself && ended.code === 0) return ['the broker ended with 0 by itself']
  if (ended.signal !== null) return [`the broker ended by ${ended.signal}`]
  if (isEndedByItself && !says) return ['the broker ended without saying why']
  const isPassing = fault === 'ENOSPC' || fault === 'EMFILE'
  if (wasReady && isEndedByItself && isPassing) return [`${fault} ended the broker`]
  if (wasReady && isEndedByItself && call === 'pread64') return ['a failed read ended the broker']
  const isSync = call === 'fdatasync' || call === 'fsync'
  if (hit && isSync && ended.code === 0) return [`the broker went on after a failed ${call}`]
  return []
}
