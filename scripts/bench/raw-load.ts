import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { nativeProgram, type NativeProgram } from './native.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** What the load program says at its end. */
export interface LoadResult {
  readonly elapsedMs: number
  readonly answers: number
  readonly answeredSize: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly ownCpuMs: number
}

/** A load that is under way. */
export interface RunningLoad {
  /** Ends a load that has no number of requests. */
  end(): void
  readonly result: Promise<LoadResult>
}

/** Options of `native/load.c`, without the dashes. */
export type LoadOptions = Readonly<Record<string, number>>

/** A load may take so long before it counts as stuck, ms. */
const loadMaxMs = 240_000

/**
 * Starts `native/load.c` and resolves when its connections are there.
 *
 * @param frames whole requests, lengths in front
 */
export async function startLoad(
  { host, port }: Address,
  frames: readonly Buffer[],
  options: LoadOptions
): Promise<RunningLoad> {
  const directory = mkdtempSync(join(tmpdir(), 'odradek-bench-'))
  const file = join(directory, 'frames')
  writeFileSync(file, Buffer.concat(frames))
  const numbers = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const lines = startNative('load', [host, String(port), file, ...numbers])
  const first = await lines.next()
  rmSync(directory, { recursive: true, force: true })
  if (first !== 'ready') throw new Error(`the load program said ${first}`)
  const result = lines.next().then((line): LoadResult => JSON.parse(line))
  return { end: () => lines.endInput(), result }
}

/** Runs a load of a number of requests to its end. */
export async function runLoad(
  address: Address,
  frames: readonly Buffer[],
  options: LoadOptions & { readonly requests: number }
): Promise<LoadResult> {
  const load = await startLoad(address, frames, options)
  return load.result
}

interface NativeLines {
  next(): Promise<string>
  endInput(): void
}

/** Starts one of our programs; its lines are asked for one by one. */
function startNative(program: NativeProgram, options: readonly string[]): NativeLines {
  const child = spawn(nativeProgram(program), options, { stdio: ['pipe', 'pipe', 'inherit'] })
  const alarm = setTimeout(() => child.kill('SIGKILL'), loadMaxMs)
  void once(child, 'exit').then(() => clearTimeout(alarm))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async next() {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`${program} ${options.join(' ')} failed`)
      return value
    },
    endInput: () => child.stdin.end()
  }
}

export interface ProduceLoad {
  readonly topic: string
  readonly producers: number
  /** Of all producers together. */
  readonly records: number
  readonly recordSize: number
  readonly configs: Readonly<Record<string, string>>
}

/** What the producers of librdkafka say at their end. */
export interface ProduceResult {
  readonly elapsedMs: number
  readonly ownCpuMs: number
  readonly librdkafka: string
}

/** Runs `native/produce.c` to its end: all records are acknowledged when it resolves. */
export async function runProducers(
  { host, port }: Address,
  load: ProduceLoad
): Promise<ProduceResult> {
  const { topic, producers, records, recordSize, configs } = load
  const numbers = Object.entries({ producers, records, size: recordSize })
  const lines = startNative('produce', [
    `${host}:${port}`,
    topic,
    ...numbers.flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...Object.entries(configs).map(([name, value]) => `${name}=${value}`)
  ])
  const result: ProduceResult = JSON.parse(await lines.next())
  return result
}
