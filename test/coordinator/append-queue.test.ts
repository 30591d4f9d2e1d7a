import { expect, test } from 'vitest'
import { AppendQueue, splitBySize } from '../../src/coordinator/append-queue.ts'

function record(size: number) {
  return { key: Buffer.alloc(size), value: null }
}

/** A queue where everything is decided at the moment 0. */
function newQueue() {
  const queue = new AppendQueue<string>()
  const add = (
    records: Parameters<typeof queue.add>[0],
    replies: Parameters<typeof queue.add>[1]
  ) => queue.add(records, replies, 0)
  return { queue, add }
}

function tickets(replies: readonly { readonly ticket: number }[]) {
  return replies.map(({ ticket }) => ticket)
}

function reply(ticket: number) {
  return { ticket, reply: `reply ${ticket}` }
}

test('a reply that depends on no record goes at once', () => {
  const { queue, add } = newQueue()
  expect(add([], [reply(1)])).toEqual([reply(1)])
  expect(queue.begin()).toBeNull()
})

test('a reply waits for its records', () => {
  const { queue, add } = newQueue()
  expect(add([record(1)], [reply(1)])).toEqual([])
  expect(queue.begin()).toEqual([record(1)])
  expect(queue.isIdle).toBe(false)
  expect(tickets(queue.finish())).toEqual([1])
  expect(queue.isIdle).toBe(true)
})

test('a reply without records waits for those that were decided before it', () => {
  const { queue, add } = newQueue()
  add([record(1)], [])
  queue.begin()
  expect(add([], [reply(2)])).toEqual([])
  add([record(3)], [reply(3)])
  expect(add([], [reply(4)])).toEqual([])
  expect(tickets(queue.finish())).toEqual([2])
  expect(queue.begin()).toEqual([record(3)])
  expect(tickets(queue.finish())).toEqual([3, 4])
})

test('one batch is on its way at a time, and what comes meanwhile makes one next batch', () => {
  const { queue, add } = newQueue()
  add([record(1)], [])
  expect(queue.begin()).toHaveLength(1)
  add([record(2)], [])
  add([record(3)], [])
  expect(queue.begin()).toBeNull()
  queue.finish()
  expect(queue.begin()).toEqual([record(2), record(3)])
})

test('replies that have waited too long are taken out, oldest first, and their records stay', () => {
  const queue = new AppendQueue<string>()
  expect(queue.heldSinceMs).toBeNull()
  queue.add([record(1)], [reply(1)], 10)
  queue.begin()
  queue.add([], [reply(2)], 20)
  queue.add([record(3)], [reply(3)], 30)
  queue.add([], [reply(4)], 40)
  expect(tickets(queue.takeHeldSince(9))).toEqual([])
  expect(queue.heldSinceMs).toBe(10)
  expect(tickets(queue.takeHeldSince(10))).toEqual([1])
  expect(queue.heldSinceMs).toBe(20)
  expect(tickets(queue.takeHeldSince(30))).toEqual([2, 3])
  expect(tickets(queue.finish())).toEqual([])
  expect(queue.begin()).toEqual([record(3)])
  expect(tickets(queue.finish())).toEqual([4])
  expect(queue.heldSinceMs).toBeNull()
})

test('the size of what gathers is known, until it is on its way', () => {
  const { queue, add } = newQueue()
  add([record(100), record(50)], [])
  expect(queue.gatheringSize).toBeGreaterThanOrEqual(150)
  queue.begin()
  expect(queue.gatheringSize).toBe(0)
})

test('batches are cut by size, in order, and a record that is too large goes alone', () => {
  const records = [record(100), record(100), record(2000), record(100)]
  const batches = splitBySize(records, 300)
  expect(batches).toEqual([[record(100), record(100)], [record(2000)], [record(100)]])
  expect(splitBySize([], 300)).toEqual([])
})
