import type { Durability } from './broker-process.ts'
import { median } from './histogram.ts'
import type { Figures } from './measure.ts'
import { workloads } from './workloads.ts'

const heads = [
  'workload',
  'mode',
  'MB/s',
  'lowest-highest',
  'records/s',
  'p50 ms',
  'p99 ms',
  'broker CPU ms/MB'
]

/** The medians of all runs, one row per workload and durability mode, as a Markdown table. */
export function table(figures: readonly Figures[], durabilities: readonly Durability[]): string {
  const rows = workloads.flatMap(({ name }) =>
    durabilities.map(durability => {
      const runs = figures.filter(f => f.workload === name && f.durability === durability)
      return [name, durability, ...row(runs)]
    })
  )
  return [heads, heads.map(() => '---'), ...rows]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
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

/** A line on start-up and memory over all runs. */
export function footnote(figures: readonly Figures[]): string {
  const ready = fixed(median(figures.map(({ readyMs }) => readyMs)), 0)
  const resident = figures.flatMap(({ residentMegabytes }) => residentMegabytes ?? [])
  const memory = resident.length === 0 ? 'not known here' : `${fixed(median(resident), 0)} MB`
  return `spawn to ready: ${ready} ms; resident after a run: ${memory} (medians of all runs)`
}

function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? 'n/a' : value.toFixed(digits)
}
