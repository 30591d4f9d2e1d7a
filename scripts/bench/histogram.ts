import { createHistogram } from 'node:perf_hooks'

/** Latencies in microseconds, and the percentiles that a reader of benchmarks asks for. */
export class LatencyHistogram {
  readonly #histogram = createHistogram({ figures: 3 })

  recordMs(latencyMs: number): void {
    this.#histogram.record(Math.max(1, Math.round(latencyMs * 1000)))
  }

  percentileMs(percentile: number): number {
    return this.#histogram.percentile(percentile) / 1000
  }
}

/** The middle value; the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
