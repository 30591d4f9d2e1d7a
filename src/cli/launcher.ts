#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

// The command's front door: loads the rest with code that V8 has compiled before. Compiling half a
// megabyte is most of what a start would otherwise take. From Node 22 on Node keeps such code
// itself; for Node 20 the build puts it beside the bundle (`scripts/compile-ahead.ts`), and V8
// refuses it, harmlessly, if it was made by another version.

/** The bundle is one function of what a module gets from Node (`tsdown.config.ts`). */
type Main = (require: NodeJS.Require, filename: string, dirname: string) => void

/** The first version with `module.enableCompileCache`, but for its very first release. */
const keepsCompiledCodeSince = 22
const mainPath = join(__dirname, 'cli-main.cjs')

const isKept = Number.parseInt(process.versions.node, 10) >= keepsCompiledCodeSince
const main = isKept ? kept() : compiledAhead()
main(require, mainPath, __dirname)

function kept(): Main {
  const module: { enableCompileCache?(): unknown } = require('node:module')
  module.enableCompileCache?.()
  return require(mainPath)
}

function compiledAhead(): Main {
  // The bundle is ASCII (`scripts/ascii-only.ts`), and this is the encoding that only copies. The
  // file is taken as it is: putting anything around it would copy it once more.
  const script = new Script(readFileSync(mainPath, 'latin1'), {
    filename: mainPath,
    cachedData: compiledCode()
  })
  return script.runInThisContext()
}

function compiledCode(): Buffer | undefined {
  try {
    return readFileSync(join(__dirname, 'cli-main.cache'))
  } catch {
    return undefined
  }
}
