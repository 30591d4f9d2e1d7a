import type { Conversation } from '../talk.ts'
import { acls, aclsDisabled } from './acls.ts'
import { clientQuotas } from './client-quotas.ts'
import { features, quorum, replicaLogDirs, telemetry, voters } from './cluster-administration.ts'
import { delegationTokensDisabled } from './delegation-tokens.ts'
import { scramCredentials } from './scram-credentials.ts'
import { alterConfigs } from './alter-configs.ts'
import { apiVersions } from './api-versions.ts'
import { authorization } from './authorization.ts'
import { cluster } from './cluster.ts'
import { configResources } from './config-resources.ts'
import { consumerGroups } from './consumer-groups.ts'
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
import { logChanges } from './log-changes.ts'
import { logDirs } from './log-dirs.ts'
import { logTimes } from './log-times.ts'
import { metadata } from './metadata.ts'
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts'
import { offsets } from './offsets.ts'
import { produce } from './produce.ts'
import { produceErrors } from './produce-errors.ts'
import { produceIdempotence } from './produce-idempotence.ts'
import { produceTopicRules } from './produce-topic-rules.ts'
import { reassignments } from './reassignments.ts'
import { restricted } from './restricted.ts'
import { delegationTokens, sasl, saslPlaintext } from './secured.ts'
import { shareGroups, shareStates } from './share-groups.ts'
import { staticMembers } from './static-members.ts'
import { streamsGroups } from './streams-groups.ts'
import { transactionQueries } from './transaction-queries.ts'
import { transactionalOffsets } from './transactional-offsets.ts'
import { transactions } from './transactions.ts'

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
  logTimes,
  deleteRecords,
  logChanges,
  offsetForLeaderEpoch,
  initProducerId,
  findCoordinator,
  joinGroup,
  groupMembers,
  groupRebalances,
  staticMembers,
  offsets,
  groups,
  transactions,
  transactionalOffsets,
  transactionQueries,
  aclsDisabled,
  scramCredentials,
  clientQuotas,
  quorum,
  voters,
  features,
  telemetry,
  replicaLogDirs,
  delegationTokensDisabled,
  saslPlaintext,
  consumerGroups,
  shareGroups,
  shareStates,
  streamsGroups,
  acls,
  sasl,
  delegationTokens,
  authorization,
  restricted,
  cluster
]
