import type { Cluster } from '../../src/cluster/cluster.ts'
import { consumerOffsetsTopic } from '../../src/cluster/topic-name.ts'
import { success } from '../../src/base/result.ts'
import { GroupCoordinator } from '../../src/group/group-coordinator.ts'
import type { RequestContext } from '../../src/handlers/handler.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import type {
  JoinGroupRequestInit,
  JoinGroupResponse
} from '../../src/wire/generated/join-group.ts'
import { createTopic, Disk } from '../cluster/fixture.ts'
import { settle } from '../group/fixture.ts'
import { ControlPlane } from './control-plane.ts'

/**
 * A cluster with topics `orders` (2 partitions) and `payments` (1), and its groups behind their
 * handlers.
 */
export class GroupPlane extends ControlPlane {
  readonly #clock = manualClock()
  readonly #groups: GroupCoordinator

  static override async open(): Promise<GroupPlane> {
    const disk = new Disk()
    const cluster = await disk.open({ configs: { 'offsets.topic.num.partitions': '3' } })
    await createTopic(cluster, 'orders', { numPartitions: 2 })
    await createTopic(cluster, 'payments')
    return new GroupPlane(disk, cluster)
  }

  protected constructor(disk: Disk, cluster: Cluster) {
    super(disk, cluster)
    this.#groups = new GroupCoordinator({
      offsetsPartition: index => cluster.partition(consumerOffsetsTopic, index),
      async ensureOffsetsTopic() {
        const topic = await cluster.ensureTopic(consumerOffsetsTopic)
        return topic.ok ? success(topic.value.partitions.length) : topic
      },
      topicExists: (topic, partition) => cluster.partition(topic, partition) !== undefined,
      config: cluster.config,
      clock: this.#clock,
      random: seededRandom(1),
      logger: silentLogger
    })
    cluster.onTopicDeleted(topic => this.#groups.onTopicDeleted(topic.name))
  }

  /** Sends a JoinGroup and lets the initial delay, which is nothing, pass. */
  async join(
    version: number,
    request: Partial<JoinGroupRequestInit> = {}
  ): Promise<JoinGroupResponse> {
    const answer = this.ask('JoinGroup', version, { ...joinRequest, ...request })
    await settle()
    await this.advance(0)
    return answer
  }

  /** Lets time pass, and what waits for it happen. */
  async advance(delayMs: number): Promise<void> {
    this.#clock.advance(delayMs)
    await settle()
  }

  /** Forms a Stable group of one member, whose assignment is `all`; returns its id. */
  async form(groupId = 'g', request: Partial<JoinGroupRequestInit> = {}): Promise<string> {
    const { memberId, generationId } = await this.join(3, { ...request, groupId })
    const assignments = [{ memberId, assignment: Buffer.from('all') }]
    await this.ask('SyncGroup', 3, { groupId, generationId, memberId, assignments })
    return memberId
  }

  protected override services(): Partial<RequestContext> {
    return { groups: this.#groups }
  }
}

/** A subscription to `orders`, as the consumer protocol writes it in version 0. */
export const subscription = Buffer.from('00000000000100066f7264657273ffffffff', 'hex')

export const joinRequest: JoinGroupRequestInit = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription }]
}
