import type { Conversation } from '../talk.ts'
import { apiVersions } from './api-versions.ts'
import { classicGroup } from './classic-group.ts'
import { deleteRecords } from './delete-records.ts'
import { fetchSessions } from './fetch-sessions.ts'
import { fetchWaiting } from './fetch-waiting.ts'
import { fetch } from './fetch.ts'
import { initProducerId } from './init-producer-id.ts'
import { listOffsets } from './list-offsets.ts'
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts'
import { produceErrors } from './produce-errors.ts'
import { produceIdempotence } from './produce-idempotence.ts'
import { produceTopicRules } from './produce-topic-rules.ts'
import { produce } from './produce.ts'

/** All conversations, in the order in which they are held. */
export const conversations: readonly Conversation[] = [
  apiVersions,
  produce,
  produceErrors,
  produceIdempotence,
  produceTopicRules,
  fetch,
  fetchSessions,
  fetchWaiting,
  listOffsets,
  deleteRecords,
  offsetForLeaderEpoch,
  initProducerId,
  classicGroup
]
