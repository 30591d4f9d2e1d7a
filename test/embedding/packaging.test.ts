import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Readable } from 'node:stream'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Script } from 'node:vm'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startCommand } from '../cli/broker-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The code block of the README behind `<!-- example: name -->`. */
function example(name: string): string {
  const block = new RegExp(`<!-- example: ${name} -->\\s+\`\`\`\\w+\\n([^]*?)\`\`\``).exec(readme)
  if (block === null) throw new Error(`the README has no example ${name}`)
  return block[1]!
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

async function nextText(stream: Readable): Promise<string> {
  const [text] = await once(stream, 'data')
  return String(text)
}

/** Strict, and as a project would have them that uses the package. */
const compilerOptions = [
  '--noEmit --strict --target es2023 --lib es2023,esnext.disposable',
  '--module nodenext --types node'
].flatMap(options => options.split(' '))

/** A program that starts a broker, talks to it and forgets to close it: it must still end. */
const program = `
  const net = require('node:net')
  async function main(startBroker) {
    const broker = await startBroker({ topics: ['t'] })
    const socket = net.connect(broker.port, broker.host)
    socket.write(Buffer.from('0000000a00120000000000010000', 'hex'))
    const [answer] = await require('node:events').once(socket, 'data')
    socket.destroy()
    console.log('correlation id', answer.readInt32BE(4))
  }
`

describe('the package', () => {
  let directory = ''
  let installed = ''
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'odradek-package-'))
    installed = join(directory, 'node_modules', 'odradek')
    run('mkdir', ['-p', installed], directory)
    run('ln', ['-s', join(root, 'node_modules', 'kafkajs'), join(directory, 'node_modules')], '/')
    // The build ran before the tests: packing must not change what other tests use.
    const packed = run(
      'npm',
      ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory],
      root
    )
    run('tar', ['-xzf', packed.trim(), '--strip-components=1', '-C', installed], directory)
    writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('is small, and needs no other package', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    expect(manifest).not.toHaveProperty('dependencies')
    const files = run('find', ['.', '-type', 'f'], installed).trim().split('\n').sort()
    expect(files).toEqual([
      './LICENSE',
      './README.md',
      './dist/THIRD-PARTY-LICENSES.txt',
      './dist/cli-main.cache',
      './dist/cli-main.cjs',
      './dist/cli.cjs',
      './dist/index.cjs',
      './dist/index.d.cts',
      './dist/index.d.mts',
      './dist/index.mjs',
      './package.json'
    ])
    const sizes = files.map(file => statSync(join(installed, file)).size)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(4 * 1024 * 1024)
  })

  test('has only code that V8 keeps in one byte a character', () => {
    for (const name of ['cli-main.cjs', 'cli.cjs', 'index.cjs', 'index.mjs']) {
      const code = readFileSync(join(installed, 'dist', name), 'utf8')
      expect(code, name).not.toMatch(/[^\0-\u007f]/)
    }
  })

  test('has code for its command that this version of V8 takes', () => {
    const filename = join(installed, 'dist', 'cli-main.cjs')
    const script = new Script(readFileSync(filename, 'latin1'), {
      filename,
      cachedData: readFileSync(join(installed, 'dist', 'cli-main.cache'))
    })
    expect(script.cachedDataRejected).toBe(false)
  })

  test('works in CommonJS, and a program that forgets to close its broker ends', () => {
    writeFileSync(
      join(directory, 'program.cjs'),
      `${program}\nmain(require('odradek').startBroker)\n`
    )
    expect(run('node', ['program.cjs'], directory)).toBe('correlation id 1\n')
  })

  test('works as an ES module', () => {
    writeFileSync(
      join(directory, 'program.mjs'),
      `import { startBroker } from 'odradek'
       import { createRequire } from 'node:module'
       const require = createRequire(import.meta.url)
       ${program}
       await main(startBroker)\n`
    )
    expect(run('node', ['program.mjs'], directory)).toBe('correlation id 1\n')
  })

  test('has types for both', () => {
    const source = `import { startBroker, StartError, type RunningBroker } from 'odradek'
      const broker: RunningBroker = await startBroker({ topics: [{ name: 't', partitions: 3 }] })
      const brokers: string[] = broker.brokers
      // @ts-expect-error there is no such option
      await startBroker({ prot: 1 })
      export { brokers, StartError }\n`
    writeFileSync(join(directory, 'types.mts'), source)
    writeFileSync(
      join(directory, 'types.cts'),
      `import odradek = require('odradek')
      const starting: Promise<odradek.RunningBroker> = odradek.startBroker({ port: 0 })
      export = starting\n`
    )
    const tsc = join(root, 'node_modules', 'ts7', 'bin', 'tsc')
    const types = join(root, 'node_modules', '@types')
    run(
      'node',
      [tsc, ...compilerOptions, '--typeRoots', types, 'types.mts', 'types.cts'],
      directory
    )
  })

  test('carries the licence of everything that is inside it', () => {
    const notices = readFileSync(join(installed, 'dist', 'THIRD-PARTY-LICENSES.txt'), 'utf8')
    for (const name of [
      'commander',
      'crc-32',
      '@foxglove/wasm-lz4',
      'LZ4',
      'lz4-wasm-nodejs',
      'pino',
      'snappy-wasm',
      'Zstandard'
    ])
      expect(notices).toContain(`${name} `)
  })

  test('greets with the README’s ten lines of kafkajs', async () => {
    const broker = startCommand()
    const address = `127.0.0.1:${await broker.ready()}`
    writeFileSync(join(directory, 'hello.mjs'), example('hello').replace('127.0.0.1:9092', address))
    const hello = spawn('node', ['hello.mjs'], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'ignore']
    })
    onTestFinished(() => void hello.kill('SIGKILL'))
    // kafkajs logs to standard output too.
    let output = ''
    while (!output.includes('\nhello\n')) output += `\n${await nextText(hello.stdout)}`
  })

  test('runs the README’s test for Vitest', () => {
    run('ln', ['-s', join(root, 'node_modules', 'vitest'), join(directory, 'node_modules')], '/')
    writeFileSync(join(directory, 'orders.test.ts'), example('vitest'))
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const output = run('node', [vitest, 'run', '--root', directory, '--reporter=json'], directory)
    expect(JSON.parse(output)).toMatchObject({ numPassedTests: 1, numFailedTests: 0 })
  })
})
