import { spawn } from 'node:child_process'
import type { Scenario } from './scenario.ts'
import { pad } from './scenario.ts'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** What kcat is made to do while its frames are recorded. */
export const kcatScenarios: Readonly<Record<string, Scenario>> = {
  metadata: async bootstrapServers => {
    await kcat(bootstrapServers, ['-P', '-t', 'kcat-listed'], 'listed\n')
    await kcat(bootstrapServers, ['-L'])
    await kcat(bootstrapServers, ['-L', '-J', '-t', 'kcat-listed'])
    await kcat(bootstrapServers, ['-L', '-t', 'kcat-never-made'])
  },
  produce: async bootstrapServers => {
    const produce = ['-P', '-t', 'kcat-produce', '-K', ':']
    await kcat(bootstrapServers, produce, 'key:value\n')
    await kcat(bootstrapServers, [...produce, '-Z'], 'tombstone:\n')
    await kcat(bootstrapServers, [...produce, '-H', 'first=1', '-H', 'second=2'], 'headers:x\n')
    await kcat(bootstrapServers, [...produce, '-X', 'acks=0'], 'unanswered:x\n')
  },
  'produce-codecs': async bootstrapServers => {
    const lines = Array.from({ length: 30 }, (_, index) => `${index} ${pad(50)}\n`).join('')
    for (const codec of codecs) {
      await kcat(bootstrapServers, ['-P', '-t', `kcat-${codec}`, '-z', codec], lines)
    }
  },
  'produce-idempotent': async bootstrapServers => {
    const idempotent = ['-X', 'enable.idempotence=true']
    await kcat(bootstrapServers, ['-P', '-t', 'kcat-idempotent', ...idempotent], 'a\nb\nc\n')
  },
  consume: async bootstrapServers => {
    await kcat(bootstrapServers, ['-C', '-t', 'kcat-produce', '-e', '-q', '-f', '%k %s %h\n'])
    for (const codec of codecs) {
      await kcat(bootstrapServers, ['-C', '-t', `kcat-${codec}`, '-e', '-q', '-o', '-5'])
    }
    await kcat(bootstrapServers, ['-C', '-t', 'kcat-none', '-p', '0', '-e', '-q', '-o', 's@1000'])
    await kcat(bootstrapServers, ['-Q', '-t', 'kcat-none:0:-1', '-t', 'kcat-none:0:1000'])
    await kcat(bootstrapServers, ['-Q', '-t', 'kcat-none:0:-2'])
  },
  group: async bootstrapServers => {
    await kcat(bootstrapServers, ['-G', 'kcat-group', '-c', '30', '-q', 'kcat-none'])
    await kcat(bootstrapServers, ['-P', '-t', 'kcat-none'], 'one more\n')
    const sticky = ['-X', 'partition.assignment.strategy=cooperative-sticky']
    await kcat(bootstrapServers, ['-G', 'kcat-group', '-c', '1', '-q', ...sticky, 'kcat-none'])
  },
  transactions: async bootstrapServers => {
    const transactional = ['-X', 'transactional.id=kcat-txn']
    await kcat(bootstrapServers, ['-P', '-t', 'kcat-txn', ...transactional], 'a\nb\n')
    await kcat(bootstrapServers, ['-C', '-t', 'kcat-txn', '-e', '-q'])
  }
}

async function kcat(
  bootstrapServers: string,
  commandArguments: readonly string[],
  input = ''
): Promise<void> {
  const fromBeginning = ['-X', 'auto.offset.reset=earliest']
  const mode = commandArguments[0]!
  const extra = mode === '-G' ? fromBeginning : []
  const child = spawn('kcat', ['-b', bootstrapServers, ...extra, ...commandArguments], {
    stdio: ['pipe', 'ignore', 'pipe']
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0)
    throw new Error(`kcat ${commandArguments.join(' ')} ended with ${code}: ${errors}`)
}
