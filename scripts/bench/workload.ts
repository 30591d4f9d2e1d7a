import type { Brokers } from './brokers.ts'

/** Who is measured. */
export const contenderNames = ['odradek', 'Apache Kafka', 'C sink'] as const
export type ContenderName = (typeof contenderNames)[number]

/** What one run showed, by metric; null where the system does not tell. */
export type Sample = Readonly<Record<string, number | null>>

export interface Metric {
  readonly name: string
  readonly unit: string
  readonly digits: number
}

/** What is asked of odradek: of its own figure, or of its ratio to another contender's. */
export interface Target {
  readonly metric: string
  readonly against: Exclude<ContenderName, 'odradek'> | null
  readonly sense: 'at least' | 'at most'
  readonly limit: number
}

/** All runs of one contender, in the order in which they were made. */
export interface ContenderRuns {
  readonly contender: ContenderName
  readonly samples: readonly Sample[]
}

/** How a cost grows: one point for each size that was measured, median of its runs. */
export interface GrowthSeries {
  readonly title: string
  readonly axis: string
  readonly unit: string
  readonly points: ReadonlyArray<readonly [size: number, cost: number]>
}

export interface Outcome {
  readonly runs: readonly ContenderRuns[]
  readonly growth?: readonly GrowthSeries[]
}

export interface Workload {
  readonly name: string
  readonly title: string
  /** How it is measured, in a sentence or two. */
  readonly method: string
  readonly metrics: readonly Metric[]
  readonly targets: readonly Target[]
  readonly run: (bench: Bench) => Promise<Outcome>
}

/** What a workload is given. */
export interface Bench {
  readonly runs: number
  /** Factor for amounts of work: 1, or less in a quick run. */
  readonly scale: number
  readonly besideKafka: boolean
  readonly brokers: Brokers
  /** Says what is going on. */
  say(text: string): void
}
