import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contradictions, schemaViolations } from './generate/check-definitions.ts'
import { loadProtocol } from './generate/definitions.ts'
import { apiFile, recordFile } from './generate/emit-files.ts'
import { apiTableFile, configsFile, errorsFile, recordTypesFile } from './generate/emit-tables.ts'
import { wasmFile } from './generate/emit-wasm.ts'

// Turns protocol/ into src/wire/generated/ and src/config/generated.ts, and the codecs that come as
// WebAssembly into src/record/generated.ts. Files that have not changed are left alone, so that
// watchers and caches see only what is new.

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = 'src/wire/generated'

refuse(schemaViolations(join(root, 'protocol')))
const protocol = loadProtocol(join(root, 'protocol'))
refuse(contradictions(protocol))
const files = new Map<string, string>([
  ...protocol.apis.map(api => [`${generated}/${api.slug}.ts`, apiFile(api)] as const),
  ...protocol.records.map(
    record => [`${generated}/records/${record.slug}.ts`, recordFile(record)] as const
  ),
  [`${generated}/records/record-types.ts`, recordTypesFile(protocol.records)],
  [`${generated}/api-table.ts`, apiTableFile(protocol.apis)],
  [`${generated}/errors.ts`, errorsFile(protocol.errors)],
  ['src/config/generated.ts', configsFile(protocol.configs)],
  ['src/record/generated.ts', wasmFile()]
])

let written = 0
for (const [path, text] of files) {
  const target = join(root, path)
  mkdirSync(dirname(target), { recursive: true })
  if (textOf(target) === text) continue
  writeFileSync(target, text)
  written++
}
for (const name of readdirSync(join(root, generated), { recursive: true, encoding: 'utf8' })) {
  const path = `${generated}/${name.replaceAll('\\', '/')}`
  if (path.endsWith('.ts') && !files.has(path)) rmSync(join(root, path))
}
process.stdout.write(
  `${protocol.apis.length} APIs, ${protocol.records.length} records: ` +
    `${files.size} files, ${written} changed\n`
)

function refuse(errors: readonly string[]): void {
  if (errors.length > 0) throw new Error(`protocol/ is not right:\n${errors.join('\n')}`)
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
