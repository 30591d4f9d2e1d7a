import type { Command } from 'commander'
import type { Clock } from '../io/clock.ts'
import type {
  ImportFlags,
  InspectFlags,
  LogToolOutside,
  RepairFlags,
  VerifyFlags
} from './log/log-command.ts'

const inspectHelp = `
PATH is a data directory, the folder of a partition, or a file of a segment. Nothing is locked
and nothing is written, so a broker may be running; what it writes meanwhile may be missing.

With --json: one document,
  { path, kind, clusterId, nodeId, cleanShutdown, partitions: [
    { topic, partition, topicId, path, leaderEpochCheckpoint, producerSnapshots, segments: [
      { file, baseOffset, size, sidecar, offsetIndex, timeIndex, abortedTransactions, batches: [
        { baseOffset, lastOffset, position, size, recordCount, compression, partitionLeaderEpoch,
          producerId, producerEpoch, baseSequence, lastSequence, timestampType, baseTimestampMs,
          maxTimestampMs, isTransactional, isControl, deleteHorizonMs, crc, crcHolds } ],
        batchCount, recordCount, firstTimestampMs, largestTimestampMs, endOffset, damage: [
        { fault, fromPosition, toPosition, fromOffset, toOffset } ] } ] } ] }
With --json --records: a line for each record,
  { topic, partition, offset, timestampMs, key, value, headers: [{ key, value }],
    control?, decoded?: { type, key, value } }
Keys and values are text where they are UTF-8, { base64 } otherwise; the ends of ranges are
exclusive.`

const verifyHelp = `
Checks every batch and its checksum, that offsets and leader epochs go on without a gap, sidecars,
indexes and checkpoints. Nothing is locked and nothing is written. Exit code 0: sound; 5: damage.
  damage   records, or what is known of them, are not as they were written
  derived  a file is in doubt that the broker makes anew from the batches by itself
  note     nothing that was promised is missing`

const repairHelp = `
PATH is the folder of a partition, or with --topic a data directory. Says what would be done; with
--apply it is done, and no broker may be running. Where only the header of a batch is damaged, it
is put right. Records that cannot be read are given up: a batch without records takes the place
of theirs, and consumers read on behind it. The bytes that go are kept in lost-and-found of the
data directory first, with a line in repairs.jsonl. A torn tail is left to the next start, the log
of the cluster's metadata to a backup.
Exit code 0: nothing (left) to repair; 5: damage that is not repaired.`

const importHelp = `
PATH is the folder of a partition that Apache Kafka (or another odradek) wrote. The partition that
takes its records must be there and must never have held any: start the broker, create the topic,
stop the broker, import, start it again. Records keep their offsets, timestamps, headers and
compression. They lose their producer ids, which mean nothing in another cluster; records of
transactions that were not committed are left out. Offsets without a record stay empty. The next
start reads the ends of all logs again, as after a crash, and the topic's retention applies to what
is old. The partition appears in one step: of an import that is cut off nothing counts, and it can
be repeated.`

/** Adds `odradek log` with what it can do; its code is loaded when it is called. */
export function addLogCommand(program: Command): void {
  const log = program.command('log').description('look at the files of a log')
  log
    .command('inspect')
    .description('show segments, batches and records')
    .argument('<path>', 'data directory, partition folder or segment file')
    .option('--json', 'as JSON')
    .option('--records', 'records as well; with --json one on a line')
    .option('--from <offset>', 'leave out what is before this offset')
    .option('--to <offset>', 'leave out this offset and what is behind it')
    .addHelpText('after', inspectHelp)
    .action(async (path: string, flags: InspectFlags) => {
      const { inspectCommand } = await import('./log/log-command.ts')
      process.exit(await inspectCommand(path, flags, await outside()))
    })
  log
    .command('verify')
    .description('check everything, and say what is wrong')
    .argument('<path>', 'data directory, partition folder or segment file')
    .option('--json', 'findings as JSON, one on a line')
    .addHelpText('after', verifyHelp)
    .action(async (path: string, flags: VerifyFlags) => {
      const { verifyCommand } = await import('./log/log-command.ts')
      process.exit(await verifyCommand(path, flags, await outside()))
    })
  log
    .command('repair')
    .description('make gaps of records that are damaged, so that everything else is served')
    .argument('<path>', 'partition folder, or data directory')
    .option('--topic <topic>', 'the topic, below a data directory')
    .option('--partition <number>', 'its partition (default: 0)')
    .option('--apply', 'do it; without it only say what would be done')
    .addHelpText('after', repairHelp)
    .action(async (path: string, flags: RepairFlags) => {
      const { repairCommand } = await import('./log/log-command.ts')
      process.exit(await repairCommand(path, flags, await outside()))
    })
  log
    .command('import')
    .description('put the records of a folder of Apache Kafka into an empty partition')
    .argument('<path>', 'partition folder')
    .requiredOption('--data-dir <dir>', 'data directory of a broker that is stopped')
    .requiredOption('--topic <topic>', 'topic that is there')
    .option('--partition <number>', 'its partition (default: 0)')
    .addHelpText('after', importHelp)
    .action(async (path: string, flags: ImportFlags) => {
      const { importCommand } = await import('./log/log-command.ts')
      process.exit(await importCommand(path, flags, await outside()))
    })
}

async function outside(): Promise<LogToolOutside & { readonly clock: Clock }> {
  const { nodeFiles } = await import('../io/node-files.ts')
  const { nodeClock } = await import('../io/node-clock.ts')
  return {
    files: nodeFiles(),
    clock: nodeClock,
    write: text => void process.stdout.write(text),
    writeError: text => void process.stderr.write(text)
  }
}
