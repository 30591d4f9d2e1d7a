import type { Contender } from './broker-process.ts'
import { median } from './histogram.ts'
import type { Figures } from './measure.ts'

/** All runs of one workload against one contender, in the order in which they were made. */
export interface Series {
  readonly workload: string
  readonly contender: Pick<Contender, 'broker' | 'durability'>
  readonly runs: readonly Figures[]
}

/** What a contender took to start and what it holds at the end. */
export interface Footprint {
  readonly contender: Pick<Contender, 'broker' | 'durability'>
  readonly readyMs: number
  readonly residentSize: number | null
}

const heads = [
  'workload',
  'broker',
  'mode',
  'MB/s',
  'lowest-highest',
  'records/s',
  'p50 ms',
  'p99 ms',
  'broker CPU ms/MB'
]

/** The medians, one row per workload and contender, as a Markdown table. */
export function table(series: readonly Series[]): string {
  return markdown(
    heads,
    series.map(({ workload, contender, runs }) => [
      workload,
      contender.broker,
      contender.durability,
      ...row(runs)
    ])
  )
}

function row(runs: readonly Figures[]): readonly string[] {
  const middle = (pick: (figures: Figures) => number | null, digits: number): string =>
    fixed(median(runs.map(figures => pick(figures) ?? Number.NaN)), digits)
  const speeds = runs.map(figures => figures.megabytesPerSecond)
  return [
    middle(figures => figures.megabytesPerSecond, 1),
    `${fixed(Math.min(...speeds), 1)}-${fixed(Math.max(...speeds), 1)}`,
    middle(figures => figures.recordsPerSecond, 0),
    middle(figures => figures.p50Ms, 3),
    middle(figures => figures.p99Ms, 3),
    middle(figures => figures.brokerCpuMsPerMegabyte, 2)
  ]
}

/**
 * odradek against Apache Kafka in the same mode: medians of the ratios of runs that were made one
 * right after the other, so that a machine whose speed drifts does not decide.
 */
export function ratios(series: readonly Series[]): string {
  const rows = series
    .filter(({ contender }) => contender.broker === 'odradek')
    .flatMap(ours => {
      const theirs = series.find(
        ({ workload, contender }) =>
          workload === ours.workload &&
          contender.broker !== 'odradek' &&
          contender.durability === ours.contender.durability
      )
      return theirs === undefined ? [] : [ratioRow(ours, theirs)]
    })
  return markdown(['workload', 'mode', 'MB/s', 'p50', 'p99', 'broker CPU per MB'], rows)
}

function ratioRow(ours: Series, theirs: Series): readonly string[] {
  const ratio = (pick: (figures: Figures) => number | null): string => {
    const pairs = ours.runs.map(
      (figures, run) => (pick(figures) ?? Number.NaN) / (pick(theirs.runs[run]!) ?? Number.NaN)
    )
    return `${fixed(median(pairs), 2)} x`
  }
  return [
    ours.workload,
    ours.contender.durability,
    ratio(figures => figures.megabytesPerSecond),
    ratio(figures => figures.p50Ms),
    ratio(figures => figures.p99Ms),
    ratio(figures => figures.brokerCpuMsPerMegabyte)
  ]
}

/** Start-up and memory of each contender. */
export function footprints(all: readonly Footprint[]): string {
  return markdown(
    ['broker', 'mode', 'ms from spawn to ready', 'resident MB after all runs'],
    all.map(({ contender, readyMs, residentSize }) => [
      contender.broker,
      contender.durability,
      fixed(readyMs, 0),
      residentSize === null ? 'n/a' : fixed(residentSize / 1e6, 0)
    ])
  )
}

function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map(() => '---'), ...rows]
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? 'n/a' : value.toFixed(digits)
}
