import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { resolveKafka, startKafka } from './kafka.ts'

// Records test/golden/kafka-4.4.0-logs: the folders of two partitions as Apache Kafka leaves them
// when it is shut down. `tsx scripts/oracle/record-log.ts`

const golden = fileURLToPath(new URL('../../test/golden/kafka-4.4.0-logs', import.meta.url))
const cleanedWithinMs = 60_000

const kafka = await startKafka({
  version: '4.4.0',
  properties: { 'log.cleaner.backoff.ms': '300', 'log.index.interval.bytes': '64' }
})
try {
  const data = path.join(kafka.directory, 'data-1')
  const classpath = path.join(await resolveKafka('4.4.0'), '*')
  const source = fileURLToPath(new URL('RecordedLog.java', import.meta.url))
  const filling = spawn('java', ['-cp', classpath, source, kafka.bootstrapServers], {
    stdio: 'inherit'
  })
  const [code] = await once(filling, 'close')
  if (code !== 0) throw new Error(`RecordedLog ended with ${code}`)
  const checkpoint = path.join(data, 'cleaner-offset-checkpoint')
  const deadlineMs = Date.now() + cleanedWithinMs
  while (!existsSync(checkpoint) || !/^compacted 0 1\d$/m.test(readFileSync(checkpoint, 'utf8'))) {
    if (Date.now() > deadlineMs) throw new Error('Kafka did not compact the topic')
    await delay(200)
  }
  // Files that compaction has replaced go after a while; the shutdown trims the indexes.
  for (const pid of kafka.pids()) {
    process.kill(pid, 'SIGTERM')
    while (existsSync(`/proc/${pid}`) && !isOver(pid)) await delay(100)
  }
  rmSync(golden, { recursive: true, force: true })
  for (const folder of ['recorded-0', 'compacted-0']) {
    cpSync(path.join(data, folder), path.join(golden, folder), {
      recursive: true,
      filter: file => !file.endsWith('.deleted')
    })
  }
} finally {
  await kafka.stop()
}

/** Whether the process has ended and only waits to be asked how. */
function isOver(pid: number): boolean {
  return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}
