import { answerWrongOptions } from '../wrong-option.ts'
import type { Bar } from './bar.ts'

/** What each bar is called, and where it is; loaded only when it is asked for. */
export const bars: Readonly<Record<string, () => Promise<{ readonly bar: Bar }>>> = {
  crash: () => import('./crash.ts'),
  faults: () => import('./faults.ts'),
  cleaner: () => import('./cleaner.ts'),
  corruption: () => import('./corruption.ts'),
  kill: () => import('./kill.ts'),
  restart: () => import('./restart.ts'),
  enospc: () => import('./enospc.ts'),
  power: () => import('./power.ts'),
  syscalls: () => import('./syscalls.ts')
}

const usage = `npm run bar -- NAME [options]

What the broker promises, held against real processes and a simulated disk. Each bar ends with one
line of figures; exit code 0: all of it holds; 1: a promise is broken; 2: a wrong option.
NAME --help says what a bar does, and its options.

Bars: ${Object.keys(bars).join(' ')}
`

/** Runs the bar that the words name, with its options; resolves with the exit code. */
export async function runBar([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--help') return help(usage)
  const load = name !== undefined && Object.hasOwn(bars, name) ? bars[name] : undefined
  if (load === undefined) return refuse(name === undefined ? 'which bar?' : `no bar ${name}`, usage)
  const { bar } = await load()
  if (args.includes('--help')) return help(bar.usage)
  return answerWrongOptions(bar.usage, () => bar.run(args))
}

function help(text: string): number {
  console.log(text)
  return 0
}

function refuse(sentence: string, text: string): number {
  console.error(`${sentence}\n\n${text}`)
  return 2
}
