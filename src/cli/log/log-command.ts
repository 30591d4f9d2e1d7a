import { resolve } from 'node:path'
import type { Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
import { LogDirectoryError } from '../../storage/local/log-directory-error.ts'
import { isFileError } from '../../storage/local/read-steps.ts'
import { exitCodes } from '../exit-codes.ts'
import { counted } from './counted.ts'
import { importLog } from './import.ts'
import { inspectLog } from './inspect.ts'
import { documentSink, recordLinesSink } from './json-sink.ts'
import { findTarget, LogTargetError, type LogTarget } from './log-target.ts'
import { readOnlyFiles } from './read-only-files.ts'
import {
  applyRepairs,
  describeRepairs,
  describeSidecars,
  planRepairs,
  writeSidecars,
  type RepairOptions,
  type RepairOutcome
} from './repair.ts'
import { textSink } from './text-sink.ts'
import { VerifyReport } from './verify-report.ts'
import { verifyLog } from './verify.ts'

/** Where a command of the log tool reads and writes. */
export interface LogToolOutside {
  readonly files: Files
  write(text: string): void
  writeError(text: string): void
}

/** What `odradek log inspect` was given, as commander hands it over. */
export interface InspectFlags {
  readonly json?: boolean
  readonly records?: boolean
  readonly from?: string
  readonly to?: string
}

/** Runs `odradek log inspect`; returns the exit code. */
export async function inspectCommand(
  path: string,
  flags: InspectFlags,
  outside: LogToolOutside
): Promise<number> {
  const fromOffset = offsetOf(flags.from, 0)
  const toOffset = offsetOf(flags.to, Infinity)
  if (fromOffset === null || toOffset === null) {
    outside.writeError('odradek: --from and --to are offsets: integers from 0 on\n')
    return exitCodes.usage
  }
  if (toOffset <= fromOffset) {
    outside.writeError('odradek: --to is the offset behind the last one, so it is above --from\n')
    return exitCodes.usage
  }
  return guarded(outside, async () => {
    const files = readOnlyFiles(outside.files)
    const records = flags.records === true
    const write = (text: string): void => outside.write(text)
    const sink =
      flags.json !== true
        ? textSink(write, records)
        : records
          ? recordLinesSink(write)
          : documentSink(write)
    inspectLog(files, findTarget(files, resolve(path)), { records, fromOffset, toOffset }, sink)
    return exitCodes.stopped
  })
}

/** What `odradek log verify` was given, as commander hands it over. */
export interface VerifyFlags {
  readonly json?: boolean
}

/** Runs `odradek log verify`; returns the exit code. */
export async function verifyCommand(
  path: string,
  flags: VerifyFlags,
  outside: LogToolOutside
): Promise<number> {
  return guarded(outside, async () => {
    const files = readOnlyFiles(outside.files)
    const report = new VerifyReport(text => outside.write(text), flags.json === true)
    const target = findTarget(files, resolve(path))
    report.end(await verifyLog(files, target, finding => report.finding(finding)))
    return report.isSound ? exitCodes.stopped : exitCodes.damaged
  })
}

/** What `odradek log repair` was given, as commander hands it over. */
export interface RepairFlags {
  readonly apply?: boolean
  readonly topic?: string
  readonly partition?: string
}

/** Runs `odradek log repair`; returns the exit code. */
export async function repairCommand(
  path: string,
  flags: RepairFlags,
  outside: LogToolOutside & { readonly clock: Clock }
): Promise<number> {
  if (
    flags.partition !== undefined &&
    (flags.topic === undefined || !/^\d+$/.test(flags.partition))
  ) {
    outside.writeError('odradek: --partition is a number, and belongs to --topic\n')
    return exitCodes.usage
  }
  const folder = flags.topic === undefined ? '' : `${flags.topic}-${flags.partition ?? '0'}`
  const say = (line: string): void => outside.write(`${line}\n`)
  return guarded(outside, async () => {
    const target = findTarget(readOnlyFiles(outside.files), resolve(path, folder))
    if (flags.apply !== true) {
      const wallMs = outside.clock.wallMs()
      const { sidecars, repairs } = planRepairs(readOnlyFiles(outside.files), target, wallMs)
      describeSidecars(sidecars, say)
      return planned(describeRepairs(repairs, say), sidecars.length, say)
    }
    const lock = outside.files.lock(target.directory)
    if (!lock.taken) {
      const reason = `${target.directory} is in use by ${lock.holder}; stop that one first`
      throw new LogTargetError(reason)
    }
    try {
      const { files, clock } = outside
      return await applied({ files, clock, say }, findTarget(files, target.path))
    } finally {
      lock.release()
    }
  })
}

function planned(
  { gaps, restored, tables, lostOffsets }: RepairOutcome,
  sidecars: number,
  say: (line: string) => void
): number {
  if (gaps + restored + tables + sidecars === 0) {
    say('nothing to repair')
    return exitCodes.stopped
  }
  say(`${summary(gaps, lostOffsets, restored, sidecars)}: --apply does it`)
  return exitCodes.damaged
}

function summary(gaps: number, lostOffsets: number, restored: number, sidecars: number): string {
  const rest = sidecars === 0 ? '' : `, ${counted(sidecars, 'sidecar')}`
  const given = `${counted(gaps, 'gap')} of ${counted(lostOffsets, 'offset')}`
  return `${given}, ${counted(restored, 'header')}${rest}`
}

async function applied(options: RepairOptions, target: LogTarget): Promise<number> {
  const { files, clock, say } = options
  const { sidecars } = planRepairs(files, target, clock.wallMs())
  describeSidecars(sidecars, say)
  await writeSidecars(files, sidecars)
  const { folder, repairs } = planRepairs(files, target, clock.wallMs())
  const { gaps, restored, lostOffsets } = describeRepairs(repairs, say)
  if (repairs.length + sidecars.length === 0) {
    say('nothing to repair')
    return exitCodes.stopped
  }
  await applyRepairs(options, target, folder, repairs)
  const left = planRepairs(files, findTarget(files, target.path), clock.wallMs()).repairs.length
  say(`repaired: ${summary(gaps, lostOffsets, restored, sidecars.length)}`)
  if (left === 0) return exitCodes.stopped
  say(`${counted(left, 'segment')} still damaged`)
  return exitCodes.damaged
}

/** What `odradek log import` was given, as commander hands it over. */
export interface ImportFlags {
  readonly dataDir: string
  readonly topic: string
  readonly partition?: string
}

/** Runs `odradek log import`; returns the exit code. */
export async function importCommand(
  path: string,
  flags: ImportFlags,
  outside: LogToolOutside & { readonly clock: Clock }
): Promise<number> {
  const { dataDir, topic, partition = '0' } = flags
  if (!/^\d+$/.test(partition)) {
    outside.writeError('odradek: --partition is a number\n')
    return exitCodes.usage
  }
  return guarded(outside, async () => {
    const { files, clock } = outside
    const target = findTarget(files, resolve(path))
    if (target.kind !== 'partition') {
      throw new LogTargetError(`${target.path} is not the folder of a partition`)
    }
    const { fromOffset, toOffset, records, emptyOffsets } = await importLog({
      files,
      clock,
      source: target.path,
      dataDir: resolve(dataDir),
      topic,
      partition: Number(partition),
      say: line => outside.write(`${line}\n`)
    })
    outside.write(
      `${counted(records, 'record')} at the offsets ${fromOffset} to ${toOffset - 1}; ` +
        `${emptyOffsets} offsets have none\n`
    )
    return exitCodes.stopped
  })
}

/** What cannot be looked at ends in a sentence and an exit code, not in a stack of calls. */
async function guarded(outside: LogToolOutside, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    const isExpected =
      error instanceof LogTargetError || error instanceof LogDirectoryError || isFileError(error)
    if (!isExpected) throw error
    outside.writeError(`odradek: ${error.message}\n`)
    return exitCodes.dataDirectory
  }
}

function offsetOf(text: string | undefined, otherwise: number): number | null {
  if (text === undefined) return otherwise
  const offset = Number(text)
  return /^\d+$/.test(text) && Number.isSafeInteger(offset) ? offset : null
}
