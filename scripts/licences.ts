import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Rolldown } from 'tsdown'
import { mainModule, wasmPackages } from './generate/emit-wasm.ts'

/** Licences that packages have forgotten to bring, by the packages' names. */
const kept = fileURLToPath(new URL('licences', import.meta.url))

/**
 * Writes THIRD-PARTY-LICENSES.txt beside a bundle: the licence of every package that has a module
 * in it, or WebAssembly in our generated code.
 *
 * @throws Error for a package without a licence file, so that none is ever published without
 */
export function thirdPartyLicences(): Rolldown.Plugin {
  return {
    name: 'third-party-licences',
    generateBundle() {
      const modules = [...this.getModuleIds()]
      const folders = new Set(modules.flatMap(id => packageFolder(id) ?? []))
      if (modules.some(id => id.endsWith('/src/record/generated.ts')))
        for (const name of wasmPackages) folders.add(packageFolder(mainModule(name))!)
      const notices = [...folders].map(notice).sort()
      this.emitFile({
        type: 'asset',
        fileName: 'THIRD-PARTY-LICENSES.txt',
        source: notices.join(`\n${'='.repeat(80)}\n\n`)
      })
    }
  }
}

/** The folder of the package that a module belongs to; null for our own. */
function packageFolder(moduleId: string): string | null {
  if (!moduleId.includes('/node_modules/')) return null
  let folder = dirname(moduleId.replace(/^\0/, '').replace(/\?.*$/, ''))
  while (!isPackage(folder)) folder = dirname(folder)
  return folder
}

/**
 * Some packages have nameless package.json files further down, which only say what kind of modules
 * they hold.
 */
function isPackage(folder: string): boolean {
  const manifest = join(folder, 'package.json')
  return existsSync(manifest) && readManifest(folder).name !== undefined
}

interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly license?: string
}

function readManifest(folder: string): Manifest {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return manifest
}

function notice(folder: string): string {
  const { name, version, license } = readManifest(folder)
  const files = readdirSync(folder).filter(entry => /^licen[cs]e/i.test(entry))
  const own = files.length === 0 ? [] : [join(folder, files.at(-1)!)]
  const texts = [...own, join(kept, `${name}.txt`)]
    .filter(file => existsSync(file))
    .map(file => readFileSync(file, 'utf8').trim())
  if (texts.length === 0) throw new Error(`${name} has no licence file`)
  return `${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`
}
