import { assert } from './assert.ts'

interface Entry<K> {
  readonly key: K
  atMs: number
  index: number
}

/**
 * Moments by key, the earliest within reach: what a state machine waits for, without a timer. A
 * binary heap that knows where each key stands, so a moment that moves (every heartbeat moves one)
 * costs a logarithm. Of equal moments, any may come first.
 */
export class Deadlines<K> {
  readonly #heap: Entry<K>[] = []
  readonly #entries = new Map<K, Entry<K>>()

  get size(): number {
    return this.#heap.length
  }

  /** The earliest moment, ms; null when nothing waits. */
  get earliestMs(): number | null {
    return this.#heap[0]?.atMs ?? null
  }

  /** The key of the earliest moment. */
  get earliestKey(): K | undefined {
    return this.#heap[0]?.key
  }

  /** The moment of a key, ms; null when the key waits for nothing. */
  get(key: K): number | null {
    return this.#entries.get(key)?.atMs ?? null
  }

  /** Sets or moves the moment of a key. */
  set(key: K, atMs: number): void {
    assert(Number.isFinite(atMs), 'a deadline is a number of milliseconds')
    const known = this.#entries.get(key)
    if (known === undefined) {
      const entry = { key, atMs, index: this.#heap.length }
      this.#entries.set(key, entry)
      this.#heap.push(entry)
      this.#rise(entry)
      return
    }
    known.atMs = atMs
    this.#rise(known)
    this.#sink(known)
  }

  delete(key: K): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    const last = this.#heap.pop()
    if (last === undefined || last === entry) return
    this.#put(last, entry.index)
    this.#rise(last)
    this.#sink(last)
  }

  #put(entry: Entry<K>, index: number): void {
    this.#heap[index] = entry
    entry.index = index
  }

  #rise(entry: Entry<K>): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1]
      assert(parent !== undefined, 'every entry but the first has a parent')
      if (parent.atMs <= entry.atMs) return
      const index = parent.index
      this.#put(parent, entry.index)
      this.#put(entry, index)
    }
  }

  #sink(entry: Entry<K>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1]
      const right = this.#heap[2 * entry.index + 2]
      const child =
        right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left
      if (child === undefined || child.atMs >= entry.atMs) return
      const index = child.index
      this.#put(child, entry.index)
      this.#put(entry, index)
    }
  }
}
