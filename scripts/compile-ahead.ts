import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { Script } from 'node:vm'

/** How long a broker is left running, so that what a start needs is compiled, milliseconds. */
const warmMs = 500

// Starts the built command once, in memory, and keeps what V8 compiled for it beside the bundle:
// `src/cli/launcher.ts` hands it back to V8 at every start on Node 20. Newer versions of Node keep
// such code themselves.
const path = resolve('dist/cli-main.cjs')
const script = new Script(readFileSync(path, 'latin1'), { filename: path })
process.argv = [process.execPath, path, 'start', '--listen', '127.0.0.1:0', '--log-level', 'silent']
process.stdout.write = () => true
const main: (...scope: readonly unknown[]) => void = script.runInThisContext()
main(createRequire(path), path, dirname(path))
setTimeout(() => {
  writeFileSync('dist/cli-main.cache', script.createCachedData())
  process.kill(process.pid, 'SIGTERM')
}, warmMs)
