import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  bannedText,
  deadFiles,
  importCycles,
  importViolations,
  lengthViolations,
  type Sources
} from './tidy/check.ts'
import { mayImport } from './tidy/rules.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

function readSources(folder: string, below: string): Sources {
  const sources = new Map<string, string>()
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const path = join(entry.parentPath, entry.name)
    sources.set(relative(join(root, below), path).split(sep).join('/'), readFileSync(path, 'utf8'))
  }
  return sources
}

const sources = readSources('src', 'src')
const tests = readSources('test', '.')
const scripts = readSources('scripts', '.')

describe('the sources', () => {
  test('import only what the architecture allows', () => {
    expect(importViolations(sources)).toEqual([])
  })

  test('have no circles of imports', () => {
    expect(importCycles(sources)).toEqual([])
  })

  test('hold no file that nobody imports', () => {
    expect(deadFiles(sources, new Map([...tests, ...scripts]))).toEqual([])
  })

  test('hold nothing banned', () => {
    expect(bannedText(sources)).toEqual([])
  })

  test('keep files, functions and lines short', () => {
    expect(lengthViolations(sources)).toEqual([])
  })

  test('have a row in the import table for every folder, and the other way round', () => {
    const areas = new Set([...sources.keys()].map(path => path.split('/')[0]!.replace(/\.ts$/, '')))
    const later = new Set(['txn', 'security', 'testkit', 'http'])
    const missing = Object.keys(mayImport).filter(area => !areas.has(area) && !later.has(area))
    expect(missing).toEqual([])
  })
})

test('tests and scripts keep their lines short too', () => {
  const long = [...lengthViolations(tests), ...lengthViolations(scripts)]
  expect(long.filter(violation => violation.endsWith(' columns'))).toEqual([])
})

test('no test is switched off or alone', () => {
  const switches = /\b(test|it|describe)\.(only|skip|todo)\(/
  expect([...tests].filter(([, text]) => switches.test(text)).map(([path]) => path)).toEqual([])
})

/** Sources with one planted file. */
function planted(path: string, text: string): Sources {
  return new Map([
    ['base/assert.ts', ''],
    ['index.ts', "import './base/assert.ts'\n"],
    [path, text]
  ])
}

const body = (lines: number): string => `function f() {\n${'  x()\n'.repeat(lines)}}\n`

describe('a planted violation is found', () => {
  test('an import against the table', () => {
    const text = "import { createServer } from '../server/listener.ts'\n"
    expect(importViolations(planted('group/offsets.ts', text))).toEqual([
      'group/offsets.ts: must not import server/listener.ts'
    ])
  })

  test('an import of a single file where only its neighbour is allowed', () => {
    const text = "import type { Segment } from '../storage/local/segment.ts'\n"
    expect(importViolations(planted('partition/partition.ts', text))).toHaveLength(1)
    const port = "import type { PartitionLog } from '../storage/partition-log.ts'\n"
    expect(importViolations(planted('partition/partition.ts', port))).toEqual([])
  })

  test('a dynamic import and a re-export count', () => {
    const lazy = "export const load = () => import('../io/node-files.ts')\n"
    expect(importViolations(planted('wire/reader.ts', lazy))).toHaveLength(1)
    const again = "export { nodeFiles } from '../io/node-files.ts'\n"
    expect(importViolations(planted('wire/reader.ts', again))).toHaveLength(1)
  })

  test('the shared names as values instead of types', () => {
    const asType = "import type { Logger } from '../telemetry/logger.ts'\n"
    expect(importViolations(planted('group/offsets.ts', asType))).toEqual([])
    const asValue = "import { silentLogger } from '../telemetry/logger.ts'\n"
    expect(importViolations(planted('group/offsets.ts', asValue))).toHaveLength(1)
  })

  test('broker.ts imported from inside', () => {
    const text = "import { Broker } from '../broker.ts'\n"
    expect(importViolations(planted('handlers/produce.ts', text))).toHaveLength(1)
    expect(importViolations(planted('cli/start.ts', text))).toEqual([])
  })

  test('a folder that has no row', () => {
    expect(importViolations(planted('utils/strings.ts', ''))).toHaveLength(1)
  })

  test('a circle', () => {
    const circle = new Map([
      ['wire/a.ts', "import './b.ts'\n"],
      ['wire/b.ts', "import './c.ts'\n"],
      ['wire/c.ts', "import type { A } from './a.ts'\n"]
    ])
    expect(importCycles(circle)).toEqual(['wire/a.ts -> wire/b.ts -> wire/c.ts -> wire/a.ts'])
  })

  test('a dead file, unless it is a simulation that a test imports', () => {
    expect(deadFiles(planted('wire/forgotten.ts', ''))).toEqual(['wire/forgotten.ts'])
    const simulation = planted('io/manual-clock.ts', '')
    expect(deadFiles(simulation)).toEqual(['io/manual-clock.ts'])
    const user = new Map([['test/io/clock.test.ts', "import '../../src/io/manual-clock.ts'\n"]])
    expect(deadFiles(simulation, user)).toEqual([])
    expect(deadFiles(planted('wire/forgotten.ts', ''), user)).toEqual(['wire/forgotten.ts'])
  })

  test.each([
    ['group/offsets.ts', 'const now = Date.now()'],
    ['group/offsets.ts', 'const at = new Date()'],
    ['server/connection.ts', 'setTimeout(() => {}, 10)'],
    ['server/connection.ts', "import net from 'node:net'"],
    ['io/memory-files.ts', "import { openSync } from 'node:fs'"],
    ['broker.ts', 'process.exit(1)'],
    ['broker.ts', "process.on('SIGTERM', stop)"],
    ['handlers/produce.ts', 'console.log(request)'],
    ['wire/reader.ts', '// TODO finish'],
    ['wire/reader.ts', '// ------ helpers ------'],
    ['record/batch.ts', 'Math.random()']
  ])('in %s: %s', (path, text) => {
    expect(bannedText(planted(path, text))).toHaveLength(1)
  })

  test.each([
    ['io/node-clock.ts', 'const now = Date.now()'],
    ['io/node-files.ts', "import { openSync } from 'node:fs'"],
    ['server/listener.ts', "import net from 'node:net'"],
    ['cli/main.ts', 'process.exit(1)']
  ])('but not where it belongs, in %s: %s', (path, text) => {
    expect(bannedText(planted(path, text))).toEqual([])
  })

  test('a file, a function and a line that are too long', () => {
    expect(lengthViolations(planted('wire/long.ts', 'x\n'.repeat(501)))).toEqual([
      'wire/long.ts: 501 lines'
    ])
    expect(lengthViolations(planted('wire/long.ts', 'x\n'.repeat(500)))).toEqual([])
    expect(lengthViolations(planted('wire/f.ts', body(69)))).toEqual([
      'wire/f.ts:1: f has 71 lines'
    ])
    expect(lengthViolations(planted('wire/f.ts', body(68)))).toEqual([])
    expect(lengthViolations(planted('wire/f.ts', `// ${'x'.repeat(98)}`))).toEqual([
      'wire/f.ts:1: 101 columns'
    ])
  })
})
