import type { LogConfigs } from '../partition-log.ts'
import {
  formatLeaderEpochCheckpoint,
  formatPartitionMetadata,
  writeDerivedText
} from './checkpoint.ts'
import {
  leaderEpochCheckpointName,
  partitionFolderName,
  partitionMetadataName,
  segmentPath,
  sidecarSuffix
} from './file-names.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext, LogName } from './log-context.ts'
import { Segment } from './segment.ts'
import { kindOfRefusal, messageOf } from './write-refusal.ts'
import type { StateNote } from './sidecar.ts'
import type { SegmentIdentity } from './sidecar-format.ts'

/** The folder of one partition, and how things in it come into being. */
export class LogFolder {
  readonly path: string
  readonly #context: LogContext
  readonly #name: LogName
  #exists: boolean

  constructor(context: LogContext, name: LogName, exists: boolean) {
    this.#context = context
    this.#name = name
    this.#exists = exists
    this.path = `${context.path}/${partitionFolderName(name)}`
  }

  /**
   * Makes the folder if it is not there, and says whether it was not.
   *
   * @throws FileError when the system refuses
   */
  make(): boolean {
    if (this.#exists) return false
    const { files } = this.#context
    files.makeDirectory(this.path)
    const metadata = formatPartitionMetadata(this.#name.topicId)
    writeDerivedText(files, `${this.path}/${partitionMetadataName}`, metadata)
    this.#exists = true
    return true
  }

  /**
   * Begins an empty segment at `baseOffset`; its sidecar knows the leader epoch that is in force.
   *
   * @throws FileError when the system refuses
   */
  newSegment(
    baseOffset: number,
    configs: LogConfigs,
    note: StateNote,
    epochs: LeaderEpochs
  ): Segment {
    const identity = segmentIdentity(this.#context, this.#name, baseOffset)
    const journal = epochs.starts
      .slice(-1)
      .map(start => ({ kind: 'leaderEpoch' as const, ...start }))
    try {
      return Segment.create(this.#context, this.path, identity, configs, note, journal)
    } catch (error) {
      // The log goes on in the segment before: one that stays here half made would cut that off at
      // the next start.
      const { files } = this.#context
      const path = segmentPath(this.path, baseOffset, sidecarSuffix)
      if (files.exists(path)) files.remove(path)
      throw error
    }
  }

  /**
   * Writes Kafka's file of leader epochs, if they have changed. It is for Kafka's tools, and for
   * recovery when a sidecar is damaged: what counts is in the journals of the sidecars.
   */
  writeLeaderEpochs(epochs: LeaderEpochs): void {
    if (!epochs.hasChanged) return
    const path = `${this.path}/${leaderEpochCheckpointName}`
    try {
      const text = formatLeaderEpochCheckpoint(epochs.starts)
      writeDerivedText(this.#context.files, path, text)
      epochs.hasChanged = false
    } catch (error) {
      kindOfRefusal(error)
      this.#context.logger.warn('leader epochs could not be written for tools to read', {
        path,
        error: messageOf(error)
      })
    }
  }
}

export function segmentIdentity(
  context: LogContext,
  name: LogName,
  baseOffset: number
): SegmentIdentity {
  return {
    clusterId: context.clusterId,
    topicId: Buffer.from(name.topicId, 'base64url'),
    partition: name.partition,
    baseOffset,
    createdMs: context.clock.wallMs(),
    isSparse: false
  }
}
