import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Rolldown } from 'tsdown'

/**
 * Writes THIRD-PARTY-LICENSES.txt beside a bundle: the licence of every package that has a module
 * in it.
 *
 * @throws Error for a package without a licence file, so that none is ever published without
 */
export function thirdPartyLicences(): Rolldown.Plugin {
  return {
    name: 'third-party-licences',
    generateBundle() {
      const folders = new Set([...this.getModuleIds()].flatMap(id => packageFolder(id) ?? []))
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
  const file = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry))
  if (file === undefined) throw new Error(`${name} has no licence file`)
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}
