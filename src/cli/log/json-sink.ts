import type { InspectSink, SegmentTotals, SegmentView } from './inspect.ts'
import type { LogTarget } from './log-target.ts'
import { damagedParts } from '../../storage/local/sidecar.ts'
import type { PartitionFolder } from './partition-folder.ts'
import { toJson } from './views.ts'

// One document, written as it is found: a segment may hold more batches than fit into memory.

/** Shows a log as one JSON document. Its fields are listed in `odradek log inspect --help`. */
export function documentSink(write: (text: string) => void): InspectSink {
  let separator = ''
  const element = (text: string): void => {
    write(separator + text)
    separator = ','
  }
  return {
    begin(target) {
      write(`${open(targetFields(target))}"partitions":[`)
      separator = ''
    },
    partition(folder, snapshots) {
      element(`${open({ ...partitionFields(folder), producerSnapshots: snapshots })}"segments":[`)
      separator = ''
    },
    segment(segment) {
      element(`${open(segmentFields(segment))}"batches":[`)
      separator = ''
    },
    batch: view => element(toJson(view)),
    records: () => {},
    segmentEnd(totals) {
      write(`],${toJson(totals).slice(1)}`)
      separator = ','
    },
    partitionEnd() {
      write(']}')
      separator = ','
    },
    end: () => write(']}\n')
  }
}

/** Shows records, each as a JSON document on a line of its own. */
export function recordLinesSink(write: (text: string) => void): InspectSink {
  let folder: PartitionFolder | null = null
  const place = (): object => ({
    topic: folder?.name?.topic ?? null,
    partition: folder?.name?.partition ?? null
  })
  return {
    begin: () => {},
    partition: found => (folder = found),
    segment: () => {},
    batch: () => {},
    records(views, { baseOffset, lastOffset }) {
      if (typeof views === 'string') {
        write(`${toJson({ ...place(), unreadable: { baseOffset, lastOffset, reason: views } })}\n`)
      } else {
        for (const view of views) write(`${toJson(view)}\n`)
      }
    },
    segmentEnd({ damage }: SegmentTotals) {
      for (const damaged of damage) write(`${toJson({ ...place(), damage: damaged })}\n`)
    },
    partitionEnd: () => {},
    end: () => {}
  }
}

function open(fields: object): string {
  return `${toJson(fields).slice(0, -1)},`
}

function targetFields({ path, kind, identity, isClean }: LogTarget): object {
  return {
    path,
    kind,
    clusterId: identity?.clusterId ?? null,
    nodeId: identity?.nodeId ?? null,
    cleanShutdown: isClean
  }
}

function partitionFields(folder: PartitionFolder): object {
  return {
    topic: folder.name?.topic ?? null,
    partition: folder.name?.partition ?? null,
    topicId: folder.topicId,
    path: folder.path,
    leaderEpochCheckpoint: folder.leaderEpochCheckpoint
  }
}

function segmentFields({
  files,
  offsetIndex,
  timeIndex,
  abortedTransactions
}: SegmentView): object {
  const { sidecar } = files
  const identity = sidecar?.identity
  return {
    file: files.logPath,
    baseOffset: files.baseOffset,
    size: files.size,
    sidecar:
      sidecar === null
        ? null
        : {
            identity:
              typeof identity === 'object'
                ? { ...identity, topicId: identity.topicId.toString('base64url') }
                : identity,
            state: sidecar.state,
            journal: sidecar.journal,
            damaged: damagedParts(sidecar)
          },
    offsetIndex,
    timeIndex,
    abortedTransactions
  }
}
