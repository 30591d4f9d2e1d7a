import { plainStartOptions } from './start-flags.ts'
import type { StartOptions } from './start-options.ts'

async function main([command, ...words]: readonly string[]): Promise<void> {
  const options = command === 'start' ? plainStartOptions(words) : null
  if (options !== null) return runStart(options)
  const { runProgram } = await import('./program.ts')
  await runProgram(process.argv, runStart)
}

async function runStart(options: StartOptions): Promise<void> {
  const { start } = await import('./start.ts')
  // Said outright: whatever might still hold the process must not keep a stopped broker around.
  process.exit(await start(options, process.env))
}

void main(process.argv.slice(2))
