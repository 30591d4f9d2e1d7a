/** Runs one bar with its options; resolves with the exit code. */
type Command = (args: readonly string[]) => Promise<number>

/** What each bar is called, and where it is; loaded only when it is asked for. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  crash: async () => (await import('./crash.ts')).crash,
  faults: async () => (await import('./faults.ts')).faults,
  corruption: async () => (await import('./corruption.ts')).corruption,
  kill: async () => (await import('./kill.ts')).kill,
  restart: async () => (await import('./restart.ts')).restart,
  enospc: async () => (await import('./enospc.ts')).enospc,
  power: async () => (await import('./power.ts')).power,
  syscalls: async () => (await import('./syscalls.ts')).syscalls
}

const usage = `usage: npm run bar -- NAME [options]
What the broker promises, held against real processes. Each bar ends with one line of figures and
exits with 1 when a promise is broken. Bars: ${Object.keys(commands).join(' ')}`

const [name, ...args] = process.argv.slice(2)
const load = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
if (load === undefined) {
  console.error(usage)
  process.exit(2)
}
const command = await load()
// Said outright: a client of a broker that is gone may still be waiting for it.
process.exit(await command(args))
