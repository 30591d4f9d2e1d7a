import { median } from './statistics.ts'
import { contenderNames } from './workload.ts'
import type { ContenderName, ContenderRuns, GrowthSeries, Metric, Target } from './workload.ts'

/** What one whole run of the benchmark found; what `--json` writes. */
export interface Report {
  readonly madeAt: string
  readonly machine: string
  /** Apache Kafka's version, heap and settings; null when it was not beside. */
  readonly kafka: string | null
  readonly runs: number
  /** 1 for a full run; less when the amounts of work were cut. */
  readonly scale: number
  readonly workloads: readonly WorkloadReport[]
}

export interface WorkloadReport {
  readonly name: string
  readonly title: string
  readonly method: string
  readonly metrics: readonly Metric[]
  readonly targets: readonly Target[]
  readonly runs: readonly ContenderRuns[]
  readonly growth?: readonly GrowthSeries[]
}

export interface Figure {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

/** Null when the contender did not run or the system did not tell. */
export function figureOf(
  { runs }: WorkloadReport,
  contender: ContenderName,
  metric: string
): Figure | null {
  const samples = runs.find(each => each.contender === contender)?.samples ?? []
  return summed(samples.map(sample => sample[metric] ?? Number.NaN))
}

/**
 * Of odradek's figure to another's: of runs that were made one right after the other, so that a
 * machine whose speed drifts does not decide; of the medians where their numbers differ.
 */
export function ratioOf(
  workload: WorkloadReport,
  against: ContenderName,
  metric: string
): Figure | null {
  const ours = workload.runs.find(({ contender }) => contender === 'odradek')?.samples ?? []
  const theirs = workload.runs.find(({ contender }) => contender === against)?.samples ?? []
  if (ours.length === theirs.length) {
    return summed(
      ours.map(
        (sample, run) => (sample[metric] ?? Number.NaN) / (theirs[run]![metric] ?? Number.NaN)
      )
    )
  }
  const [our, their] = [figureOf(workload, 'odradek', metric), figureOf(workload, against, metric)]
  return our === null || their === null ? null : summed([our.median / their.median])
}

function summed(values: readonly number[]): Figure | null {
  const known = values.filter(Number.isFinite)
  if (known.length === 0) return null
  return { median: median(known), lowest: Math.min(...known), highest: Math.max(...known) }
}

/** What a target is held against, or null when that was not measured. */
export function measuredFor(workload: WorkloadReport, target: Target): number | null {
  const { metric, against } = target
  const figure =
    against === null ? figureOf(workload, 'odradek', metric) : ratioOf(workload, against, metric)
  return figure?.median ?? null
}

export function isMet(target: Target, measured: number): boolean {
  return target.sense === 'at least' ? measured >= target.limit : measured <= target.limit
}

/** Every metric of every workload: medians with lowest and highest, as Markdown. */
export function figuresTable(workloads: readonly WorkloadReport[]): string {
  const rows = workloads.flatMap(workload =>
    workload.metrics.map(metric => [
      workload.name,
      metric.unit,
      ...contenderNames.map(name => cell(figureOf(workload, name, metric.name), metric.digits)),
      ratioCell(workload, metric.name)
    ])
  )
  return markdown(['workload', 'figure', ...contenderNames, 'odradek to the other'], rows)
}

function cell(figure: Figure | null, digits: number): string {
  if (figure === null) return ''
  const { median: middle, lowest, highest } = figure
  const text = middle.toFixed(digits)
  if (lowest === highest) return text
  return `${text} (${lowest.toFixed(digits)}–${highest.toFixed(digits)})`
}

function ratioCell(workload: WorkloadReport, metric: string): string {
  const other = workload.runs.find(({ contender }) => contender !== 'odradek')
  const ratio = other === undefined ? null : ratioOf(workload, other.contender, metric)
  return ratio === null ? '' : `${cell(ratio, 2)} x`
}

/** What was aimed at, what was measured, and whether it is enough, as Markdown. */
export function targetsTable(workloads: readonly WorkloadReport[]): string {
  const rows = workloads.flatMap(workload =>
    workload.targets.map((target, index) => {
      const measured = measuredFor(workload, target)
      const metric = workload.metrics.find(({ name }) => name === target.metric)!
      const other = target.against ?? workload.runs.find(isOther)?.contender ?? null
      return [
        index === 0 ? workload.title : '',
        metric.unit,
        medianCell(workload, 'odradek', metric),
        other === null ? '' : medianCell(workload, other, metric),
        aim(target, metric),
        measured === null ? 'not measured' : outcome(target, metric, measured)
      ]
    })
  )
  const heads = ['Workload', 'Figure', 'odradek', 'Apache Kafka or C sink', 'Target', 'Outcome']
  return markdown(heads, rows)
}

const isOther = ({ contender }: ContenderRuns): boolean => contender !== 'odradek'

function medianCell(workload: WorkloadReport, name: ContenderName, metric: Metric): string {
  return figureOf(workload, name, metric.name)?.median.toFixed(metric.digits) ?? ''
}

function aim({ sense, limit, against }: Target, { digits }: Metric): string {
  const sign = sense === 'at least' ? '≥' : '≤'
  return against === null
    ? `${sign} ${limit.toFixed(digits)}`
    : `${sign} ${round(limit)} x ${against}`
}

function outcome(target: Target, { digits }: Metric, measured: number): string {
  const text = target.against === null ? measured.toFixed(digits) : `${measured.toFixed(2)} x`
  return isMet(target, measured) ? `${text}, met` : `${text}, **not met**`
}

function round(limit: number): string {
  return String(Math.round(limit * 100) / 100)
}

/** What a reader must know to repeat the figures. */
export function methodText({ madeAt, machine, kafka, runs, scale, workloads }: Report): string {
  const busy = workloads.flatMap(each =>
    each.runs.flatMap(({ samples }) => samples.flatMap(({ busyShare }) => busyShare ?? []))
  )
  const lines = [
    `${madeAt.slice(0, 10)}; ${machine}.`,
    ...(kafka === null ? [] : [`${kafka}.`]),
    `Medians of ${runs} runs, contenders in turn, after 2 runs to warm up; ratios are medians of`,
    'the ratios of neighbouring runs.',
    ...(scale === 1 ? [] : [`Only ${percent(scale)} of the work of a full run.`]),
    ...otherCounts(workloads, runs)
  ]
  if (busy.length > 0) {
    lines.push(
      `The machine was busy with ${percent(median(busy))} before a run in the median,`,
      `${percent(Math.max(...busy))} at most.`
    )
  }
  return lines.join(' ')
}

/** Workloads that start a fresh broker for every run make fewer of them. */
function otherCounts(workloads: readonly WorkloadReport[], runs: number): readonly string[] {
  const others = workloads.flatMap(({ name, runs: contenders }) => {
    const counts = contenders.map(({ samples }) => samples.length)
    return counts.some(count => count !== runs) ? [`${name} ${counts.join(' and ')}`] : []
  })
  return others.length === 0 ? [] : [`Other numbers of runs: ${others.join(', ')}.`]
}

/** How each workload is measured, as a Markdown list that a reader may open. */
export function methodsList(workloads: readonly WorkloadReport[]): string {
  const items = workloads.map(({ name, title, method }) => `- \`${name}\`, ${title}: ${method}`)
  const head = '<details><summary>How each of them is measured</summary>'
  return [head, items.join('\n'), '</details>'].join('\n\n')
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function markdown(
  titles: readonly string[],
  rows: ReadonlyArray<readonly string[]>
): string {
  const lines = [titles, titles.map(() => '---'), ...rows]
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
