import { handlers } from '../../src/handlers/index.ts'
import { setups } from './setups.ts'
import type { Conversation } from './talk.ts'

/**
 * What odradek must learn before it can hold a conversation, as people read it; null: it can. Such
 * a conversation is recorded from Kafka all the same, and is replayed from the day it can be.
 */
export function waitsFor({ needs = [], setup = 'plain' }: Conversation): string | null {
  const missing = needs.filter(api => handlers[api] === undefined)
  const { missing: notSetUp } = setups[setup]
  const all = [...(notSetUp === null ? [] : [notSetUp]), ...missing]
  return all.length === 0 ? null : all.join(', ')
}
