import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../../scripts/kcat-smoke.sh', import.meta.url))
const kcatIsInstalled = spawnSync('kcat', ['-V']).status === 0
const timeoutMs = 300_000

if (!kcatIsInstalled) console.warn('kcat is not installed (Debian: apt-get install kcat): skipped')

test.skipIf(!kcatIsInstalled)(
  'kcat finds everything it asks for: codecs, offsets, groups, idempotence',
  async () => {
    const bootstrapServers = process.env.ODRADEK_TEST_BOOTSTRAP
    const child = spawn(script, bootstrapServers === undefined ? [] : [bootstrapServers], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const code = await new Promise(resolve => child.once('close', resolve))
    expect(output).not.toMatch(/^FAIL/m)
    expect(output).toMatch(/^all checks passed$/m)
    expect(code).toBe(0)
  },
  timeoutMs
)
