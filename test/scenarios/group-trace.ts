import { unreachable } from '../../src/base/assert.ts'
import type { Note } from '../../src/coordinator/effects.ts'
import type { GroupReply } from '../../src/group/group-events.ts'
import type { GroupRecord } from '../../src/group/group-records.ts'

export function printNote({ message, fields }: Note): string {
  if (message !== 'group changes state')
    return `${message}: ${fields['memberId'] ?? fields['reason']}`
  const { from, to, generationId, reason } = fields
  return `${from} -> ${to} generationId=${generationId} (${reason})`
}

export function printRecord(record: GroupRecord): string {
  const { groupId } = record
  if (record.type === 'offset') {
    const name = `${groupId} ${record.topic}-${record.partition}`
    if (record.value === null) return `record offset ${name} tombstone`
    const { offset, expireTimestampMs } = record.value
    return `record offset ${name}=${offset}${expireTimestampMs === null ? '' : ' expires'}`
  }
  if (record.value === null) return `record group ${groupId} tombstone`
  const { generationId, leaderId, members } = record.value
  const who = members.map(member => `${member.memberId}:${member.assignment.toString()}`)
  const generation = `generationId=${generationId} leader=${leaderId}`
  return `record group ${groupId} ${generation} members=${who.join(',')}`
}

export function printReply(reply: GroupReply): string {
  switch (reply.type) {
    case 'join':
      return printJoin(reply)
    case 'sync':
      if (reply.error !== 'NONE') return reply.error
      return `NONE protocol=${reply.protocolName} assignment=${reply.assignment.toString()}`
    case 'heartbeat':
      return reply.error
    case 'leave':
      return words(
        reply.members,
        ({ memberId, groupInstanceId, error }) =>
          `${memberId}${groupInstanceId === null ? '' : `@${groupInstanceId}`}:${error}`
      )
    case 'offsetCommit':
      return outcomes(reply.topics)
    case 'offsetDelete':
      return reply.error === 'NONE' ? outcomes(reply.topics) : reply.error
    case 'offsetFetch':
      return printFetch(reply)
    case 'describe':
      return printDescribe(reply)
    case 'list':
      return words(
        reply.groups,
        group => `${group.groupId}:${group.state}:${group.groupType}:${group.protocolType}`
      )
    case 'deleteGroups':
      return words(reply.groups, ({ groupId, error }) => `${groupId}:${error}`)
    default:
      return unreachable(reply)
  }
}

function printJoin(reply: GroupReply & { type: 'join' }): string {
  const { error, memberId, generationId, protocolName, leaderId } = reply
  if (error !== 'NONE') return `${error} memberId=${memberId}`
  const members = reply.members.map(member => member.memberId).join(',')
  const generation = `generationId=${generationId} protocol=${protocolName} leader=${leaderId}`
  const skips = reply.skipAssignment ? ' skipAssignment' : ''
  return `NONE memberId=${memberId} ${generation} members=${members}${skips}`
}

function printFetch(reply: GroupReply & { type: 'offsetFetch' }): string {
  const offsets = reply.topics.flatMap(({ topic, partitions }) =>
    partitions.map(each => {
      const epoch = each.committedLeaderEpoch === -1 ? '' : ` epoch=${each.committedLeaderEpoch}`
      const metadata = each.metadata === '' ? '' : ` metadata=${each.metadata}`
      return `${topic}-${each.partition}=${each.committedOffset}${epoch}${metadata}`
    })
  )
  return words(offsets, offset => offset)
}

function printDescribe({ group }: GroupReply & { type: 'describe' }): string {
  if (group === null) return 'not there'
  const members = group.members.map(member => {
    const metadata = member.metadata.length > 0 ? 'metadata' : ''
    return `${member.memberId}(${metadata}|${member.assignment.toString()})`
  })
  const protocol = `type=${group.protocolType} protocol=${group.protocolName}`
  return `${group.state} ${protocol} members=${members.join(',')}`
}

function outcomes(
  topics: (GroupReply & { type: 'offsetCommit' | 'offsetDelete' })['topics']
): string {
  return topics
    .flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, error }) => `${topic}-${partition}:${error}`)
    )
    .join(' ')
}

function words<T>(list: readonly T[], word: (element: T) => string): string {
  return list.length === 0 ? 'nothing' : list.map(word).join(' ')
}
