import type { Conversation } from '../talk.ts'
import { alterConfigs } from './alter-configs.ts'
import { apiVersions } from './api-versions.ts'
import { configResources } from './config-resources.ts'
import { createPartitions } from './create-partitions.ts'
import { createTopics } from './create-topics.ts'
import { deleteRecords } from './delete-records.ts'
import { deleteTopics } from './delete-topics.ts'
import { describeCluster } from './describe-cluster.ts'
import { describeConfigs } from './describe-configs.ts'
import { describeTopicPartitions } from './describe-topic-partitions.ts'
import { fetch } from './fetch.ts'
import { fetchSessions } from './fetch-sessions.ts'
import { fetchWaiting } from './fetch-waiting.ts'
import { findCoordinator } from './find-coordinator.ts'
import { groupMembers } from './group-members.ts'
import { groupRebalances } from './group-rebalances.ts'
import { groups } from './groups.ts'
import { initProducerId } from './init-producer-id.ts'
import { joinGroup } from './join-group.ts'
import { listOffsets } from './list-offsets.ts'
import { logDirs } from './log-dirs.ts'
import { metadata } from './metadata.ts'
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts'
import { offsets } from './offsets.ts'
import { produce } from './produce.ts'
import { produceErrors } from './produce-errors.ts'
import { produceIdempotence } from './produce-idempotence.ts'
import { produceTopicRules } from './produce-topic-rules.ts'
import { reassignments } from './reassignments.ts'
import { staticMembers } from './static-members.ts'

/** All conversations, in the order in which they are held. */
export const conversations: readonly Conversation[] = [
  apiVersions,
  metadata,
  describeCluster,
  describeTopicPartitions,
  createTopics,
  deleteTopics,
  createPartitions,
  reassignments,
  logDirs,
  configResources,
  describeConfigs,
  alterConfigs,
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
  findCoordinator,
  joinGroup,
  groupMembers,
  groupRebalances,
  staticMembers,
  offsets,
  groups
]
