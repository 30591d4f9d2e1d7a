import { assert } from '../base/assert.ts'
import {
  readConsumerProtocolSubscription,
  type ConsumerProtocolSubscription
} from '../wire/generated/records/consumer-protocol-subscription.ts'
import { MalformedRequest } from '../wire/malformed-request.ts'
import { Reader } from '../wire/reader.ts'
import type { ClassicMember, Protocol } from './classic-member.ts'
import { metadataFor, supports } from './classic-member.ts'

/** The protocol type of Kafka's consumers, whose subscriptions the broker looks into (KIP-496). */
export const consumerProtocolType = 'consumer'

/**
 * Whether at least one of `offered` is supported by every one of `members`; nobody objects in an
 * empty group.
 */
export function isSupportedByAll(
  members: Iterable<ClassicMember>,
  offered: readonly Protocol[]
): boolean {
  const everyone = [...members]
  return offered.some(({ name }) => everyone.every(member => supports(member, name)))
}

/**
 * The protocol of the next generation: among those that all members support, the one that most
 * members prefer. The first to be voted for wins a tie. Kafka: ClassicGroup.selectProtocol.
 */
export function selectProtocol(members: ReadonlyMap<string, ClassicMember>): string {
  const supporters = new Map<string, number>()
  for (const member of members.values()) {
    for (const name of new Set(member.protocols.map(protocol => protocol.name))) {
      supporters.set(name, (supporters.get(name) ?? 0) + 1)
    }
  }
  const votes = new Map<string, number>()
  for (const member of members.values()) {
    const choice = member.protocols.find(({ name }) => supporters.get(name) === members.size)
    assert(choice !== undefined, `member ${member.memberId} shares a protocol with all others`)
    votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
  }
  let selected: string | null = null
  for (const [name, count] of votes) {
    if (selected === null || count > (votes.get(selected) ?? 0)) selected = name
  }
  assert(selected !== null, 'a group that selects a protocol has members')
  return selected
}

/**
 * The topics that the members of a consumer group subscribe to, as far as the broker can tell: null
 * when the group is of another type, has no protocol yet, or a subscription does not parse. Every
 * version of a subscription begins with version 0, so that is what is read. Kafka:
 * ClassicGroup.computeSubscribedTopics.
 */
export function subscribedTopics(
  protocolType: string | null,
  protocolName: string | null,
  members: ReadonlyMap<string, ClassicMember>
): ReadonlySet<string> | null {
  if (protocolType !== consumerProtocolType) return null
  if (members.size === 0) return new Set()
  if (protocolName === null) return null
  const topics = new Set<string>()
  for (const member of members.values()) {
    const subscription = parseSubscription(metadataFor(member, protocolName))
    if (subscription === null) return null
    for (const topic of subscription) topics.add(topic)
  }
  return topics
}

function parseSubscription(metadata: Buffer): readonly string[] | null {
  const reader = new Reader(metadata)
  try {
    reader.int16()
    const subscription: ConsumerProtocolSubscription = readConsumerProtocolSubscription(reader, 0)
    return subscription.topics
  } catch (error) {
    if (error instanceof MalformedRequest) return null
    throw error
  }
}
