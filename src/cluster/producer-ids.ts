import { success, type Result } from '../base/result.ts'
import { producerIdBlockSize } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'

/**
 * Hands out producer ids that nobody had before, from blocks that are durably taken (Kafka:
 * ProducerIdManager).
 */
export class ProducerIds {
  readonly #takeBlock: () => Promise<Result<number, ErrorName>>
  #next = 0
  #end = 0
  #taking: Promise<Result<void, ErrorName>> | null = null

  /** @param takeBlock takes the next `producerIdBlockSize` ids for good and gives the first */
  constructor(takeBlock: () => Promise<Result<number, ErrorName>>) {
    this.#takeBlock = takeBlock
  }

  /** @returns the error that kept a new block from being taken */
  async next(): Promise<Result<number, ErrorName>> {
    while (this.#next === this.#end) {
      this.#taking ??= this.#take()
      const taken = await this.#taking
      if (!taken.ok) return taken
    }
    return success(this.#next++)
  }

  async #take(): Promise<Result<void, ErrorName>> {
    try {
      const first = await this.#takeBlock()
      if (!first.ok) return first
      this.#next = first.value
      this.#end = first.value + producerIdBlockSize
      return success(undefined)
    } finally {
      this.#taking = null
    }
  }
}
