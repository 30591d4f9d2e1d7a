import { expect, test } from 'vitest'
import { AppendQueue, splitBySize } from '../../src/coordinator/append-queue.ts'

function record(size: number) {
  return { key: Buffer.alloc(size), value: null }
}

function reply(ticket: number) {
  return { ticket, reply: `reply ${ticket}` }
}

test('a reply that depends on no record goes at once', () => {
  const queue = new AppendQueue<string>()
  expect(queue.add([], [reply(1)])).toEqual([reply(1)])
  expect(queue.begin()).toBeNull()
})

test('a reply waits for its records', () => {
  const queue = new AppendQueue<string>()
  expect(queue.add([record(1)], [reply(1)])).toEqual([])
  expect(queue.begin()).toEqual([record(1)])
  expect(queue.isIdle).toBe(false)
  expect(queue.finish()).toEqual([reply(1)])
  expect(queue.isIdle).toBe(true)
})

test('a reply without records waits for those that were decided before it', () => {
  const queue = new AppendQueue<string>()
  queue.add([record(1)], [])
  queue.begin()
  expect(queue.add([], [reply(2)])).toEqual([])
  queue.add([record(3)], [reply(3)])
  expect(queue.add([], [reply(4)])).toEqual([])
  expect(queue.finish()).toEqual([reply(2)])
  expect(queue.begin()).toEqual([record(3)])
  expect(queue.finish()).toEqual([reply(3), reply(4)])
})

test('one batch is on its way at a time, and what comes meanwhile makes one next batch', () => {
  const queue = new AppendQueue<string>()
  queue.add([record(1)], [])
  expect(queue.begin()).toHaveLength(1)
  queue.add([record(2)], [])
  queue.add([record(3)], [])
  expect(queue.begin()).toBeNull()
  queue.finish()
  expect(queue.begin()).toEqual([record(2), record(3)])
})

test('batches are cut by size, in order, and a record that is too large goes alone', () => {
  const records = [record(100), record(100), record(2000), record(100)]
  const batches = splitBySize(records, 300)
  expect(batches).toEqual([[record(100), record(100)], [record(2000)], [record(100)]])
  expect(splitBySize([], 300)).toEqual([])
})
