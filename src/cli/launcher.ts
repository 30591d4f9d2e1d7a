#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'

// The command's front door: loads the rest with code that V8 has compiled before. Compiling half a
// megabyte is most of what a start would otherwise take. From Node 22 on Node keeps such code
// itself; for Node 20 the build puts it beside the bundle (`scripts/compile-ahead.ts`), and V8
// refuses it, harmlessly, if it was made by another version.

const mainPath = join(__dirname, 'cli-main.cjs')
const require = createRequire(mainPath)
/** Missing before Node 22. */
const keepsCompiledCode: typeof module & { enableCompileCache?(): unknown } = module

if (keepsCompiledCode.enableCompileCache === undefined) {
  // The bundle is ASCII (`scripts/ascii-only.ts`), and this is the encoding that only copies.
  const text = module.wrap(readFileSync(mainPath, 'latin1'))
  const script = new Script(text, { filename: mainPath, cachedData: compiledAhead() })
  const main: (...scope: readonly unknown[]) => void = script.runInThisContext()
  main({}, require, { exports: {} }, mainPath, __dirname)
} else {
  keepsCompiledCode.enableCompileCache()
  require(mainPath)
}

function compiledAhead(): Buffer | undefined {
  try {
    return readFileSync(join(__dirname, 'cli-main.cache'))
  } catch {
    return undefined
  }
}
