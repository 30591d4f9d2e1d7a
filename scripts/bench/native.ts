import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Our small programs in C, and what the compiler is told beside their names. */
const programs = {
  load: [],
  produce: ['-lrdkafka', '-lpthread'],
  sink: ['-msse4.2']
} as const satisfies Record<string, readonly string[]>

export type NativeProgram = keyof typeof programs

/**
 * The path of a program, compiled into a cache folder when its source has changed since.
 *
 * @throws Error that says what is missing: gcc, or librdkafka's headers
 */
export function nativeProgram(name: NativeProgram): string {
  const source = fileURLToPath(new URL(`native/${name}.c`, import.meta.url))
  const options = ['-O2', '-Wall', '-Wextra', source, ...programs[name]]
  const digest = createHash('sha256').update(readFileSync(source)).update(options.join(' '))
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const folder = join(cache, 'odradek-bench')
  const path = join(folder, `${name}-${digest.digest('hex').slice(0, 16)}`)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  const compiled = spawnSync('gcc', ['-o', unfinished, ...options], { encoding: 'utf8' })
  if (compiled.status !== 0) {
    const reason = compiled.error?.message ?? compiled.stderr
    const hint = 'needed: apt-get install gcc libc6-dev librdkafka-dev'
    throw new Error(`cannot compile ${name}.c (${hint}):\n${reason}`)
  }
  renameSync(unfinished, path)
  return path
}
