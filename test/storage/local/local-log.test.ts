import type { DurabilityMode } from '../../../src/config/durability-mode.ts'
import type { Files } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { nodeFiles } from '../../../src/io/node-files.ts'
import type { LogConfigs } from '../../../src/storage/partition-log.ts'
import { partitionLogContract, type LogUnderTest } from '../../contract/partition-log.ts'
import { orders, temporaryFolder, testDirectory } from './directory.ts'

async function openUnderTest(
  files: Files,
  path: string,
  durability: DurabilityMode,
  configs: LogConfigs
): Promise<LogUnderTest> {
  const directory = testDirectory(files, path, durability)
  let opened = await directory.open()
  return {
    log: await opened.openLog(orders, configs),
    reopen: async () => {
      await opened.close()
      opened = await directory.open()
      return opened.openLog(orders, configs)
    },
    dispose: () => opened.close()
  }
}

for (const durability of ['memory', 'os', 'fsync'] as const) {
  partitionLogContract(`local log in memory, ${durability}`, configs =>
    openUnderTest(memoryFiles(), '/data', durability, configs)
  )
}

for (const durability of ['os', 'fsync'] as const) {
  partitionLogContract(`local log on disk, ${durability}`, async configs => {
    const folder = temporaryFolder()
    const opened = await openUnderTest(nodeFiles(), folder.path, durability, configs)
    return {
      ...opened,
      dispose: async () => {
        await opened.dispose()
        folder.remove()
      }
    }
  })
}
