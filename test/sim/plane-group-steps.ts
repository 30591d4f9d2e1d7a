import type { JoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import { group, type GroupModel } from './plane-model.ts'
import { settle, whenAnswered, type World } from './plane-world.ts'
import { demand } from './violation.ts'

/** A group of one member begins a new generation, which the member leads. */
export async function joinAndSync(world: World, name: string): Promise<void> {
  await settle(world)
  const known = group(world.model, name)
  const joined = await join(world, name, known.memberId)
  if (joined === null) return
  const { memberId, generationId } = joined
  const answer = world.plane.groups.sync({
    groupId: name,
    generationId,
    memberId,
    groupInstanceId: null,
    protocolType: null,
    protocolName: null,
    assignments: [{ memberId, assignment: Buffer.from(`generation ${generationId}`) }]
  })
  const handled = whenAnswered(world, answer, reply => {
    if (reply.error !== 'NONE') return
    checkGeneration(name, known, generationId)
    known.memberId = memberId
    known.generations.push({ moment: world.life.now, generation: generationId })
  })
  await settle(world, handled)
}

interface Joined {
  readonly memberId: string
  readonly generationId: number
}

/**
 * Joins with the id of an earlier life if the group still knows it, and otherwise with a new one.
 */
async function join(world: World, name: string, knownId: string): Promise<Joined | null> {
  for (const memberId of new Set([knownId, ''])) {
    let joined: Joined | null = null
    const caller = { clientId: 'client', clientHost: '127.0.0.1', apiVersion: 3 }
    const answer = world.plane.groups.join(joinRequest(name, memberId), caller)
    const handled = whenAnswered(world, answer, reply => {
      if (reply.error === 'NONE') joined = reply
    })
    await settle(world, handled)
    if (joined !== null) return joined
  }
  return null
}

function joinRequest(groupId: string, memberId: string): JoinGroupRequest {
  return {
    groupId,
    memberId,
    groupInstanceId: null,
    sessionTimeoutMs: 1_800_000,
    rebalanceTimeoutMs: 1000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(10) }],
    reason: null
  }
}

function checkGeneration(name: string, known: GroupModel, generation: number): void {
  const last = known.generations.at(-1)?.generation ?? 0
  demand(generation > last, 'returned', () => `generation ${generation} of ${name} after ${last}`)
}

/** The member leaves; the group is empty then. */
export async function leaveGroup(world: World, name: string): Promise<void> {
  await settle(world)
  const known = group(world.model, name)
  if (known.memberId === '') return
  const member = { memberId: known.memberId, groupInstanceId: null, reason: null }
  const answer = whenAnswered(world, world.plane.groups.leave(name, [member]), left => {
    if (left.ok) known.memberId = ''
  })
  await settle(world, answer)
}
