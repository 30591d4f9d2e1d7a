import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Broker } from '../../src/broker.ts'
import { brokerSettings } from '../../src/broker-options.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { nodeClock } from '../../src/io/node-clock.ts'
import { nodeRandom } from '../../src/io/node-random.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { BrokerUnderTest } from './broker-under-test.ts'

const mebibyte = 1024 * 1024
const diskSize = 16 * mebibyte

/** A broker on a disk of 16 MiB, which something else fills as well. */
export interface SmallDisk {
  /** What it is, for people. */
  readonly kind: string
  readonly address: string
  readonly log: string
  start(): Promise<void>
  /** Ends the broker as a crash does. */
  kill(): Promise<void>
  freeSize(): number
  /** Lets a file of somebody else grow or shrink until so many bytes are free. */
  leaveFree(size: number): void
  /** Ends the broker and removes everything. */
  remove(): Promise<void>
}

export interface SmallDiskOptions {
  readonly port: number
  readonly durability: 'os' | 'fsync'
  readonly configs: Readonly<Record<string, string>>
}

/** A tmpfs of that size under the real process; null where it cannot be mounted. */
export function mountedDisk(options: SmallDiskOptions): SmallDisk | null {
  const root = fs.mkdtempSync(join(tmpdir(), 'odradek-full-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskSize}`, 'odradek', root])
  if (mounted.status !== 0) {
    fs.rmdirSync(root)
    return null
  }
  const broker = new BrokerUnderTest({ ...options, directory: join(root, 'data') })
  const ballast = join(root, 'ballast')
  fs.writeFileSync(ballast, '')
  const freeSize = (): number => {
    const { bavail, bsize } = fs.statfsSync(root)
    return bavail * bsize
  }
  return {
    kind: 'a tmpfs of 16 MiB',
    address: broker.address,
    get log() {
      return broker.log
    },
    start: () => broker.start(),
    kill: async () => void (await broker.kill()),
    freeSize,
    leaveFree(size) {
      const held = fs.statSync(ballast).size
      const wanted = Math.max(0, held + freeSize() - size)
      if (wanted <= held) fs.truncateSync(ballast, wanted)
      else fs.appendFileSync(ballast, Buffer.alloc(wanted - held))
    },
    async remove() {
      await broker.kill()
      spawnSync('umount', [root])
      fs.rmdirSync(root)
    }
  }
}

/** The same within this process, over files in memory that refuse (ENOSPC) beyond that size. */
export function memoryDisk({ port, durability, configs }: SmallDiskOptions): SmallDisk {
  const files = memoryFiles({ sizeMax: diskSize })
  const ballast = files.open('/ballast', 'create')
  const lines: string[] = []
  let broker: Broker | null = null
  const end = async (): Promise<void> => {
    broker?.fail(new Error('killed'))
    await broker?.close()
    broker = null
  }
  return {
    kind: 'files in memory of 16 MiB',
    address: `127.0.0.1:${port}`,
    get log() {
      return lines.join('\n')
    },
    async start() {
      const logger = collectingLogger(lines)
      const settings = brokerSettings({
        port,
        durability,
        dataDir: '/data',
        config: configs,
        logger
      })
      broker = await Broker.start(settings, { clock: nodeClock, random: nodeRandom, files })
    },
    kill: end,
    freeSize: () => files.freeSize('/'),
    leaveFree(size) {
      const held = ballast.size()
      ballast.truncate(Math.max(0, held + files.freeSize('/') - size))
    },
    remove: end
  }
}

function collectingLogger(lines: string[]): Logger {
  const line = (message: string, fields = {}): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  const logger: Logger = {
    debug() {},
    info: line,
    warn: line,
    error: line,
    child: () => logger
  }
  return logger
}
