import { expect, test } from 'vitest'
import { plot } from '../../scripts/bench/plot.ts'
import { methodText, ratioOf, targetsTable, type Report } from '../../scripts/bench/report.ts'
import { benchmarkSummary } from '../../scripts/bench/results.ts'
import { median } from '../../scripts/bench/statistics.ts'

const speeds = (values: readonly number[]) => values.map(speed => ({ speed, busyShare: 0.02 }))

const report: Report = {
  madeAt: '2026-01-02T03:04:05.000Z',
  machine: '2 x A processor',
  kafka: 'Apache Kafka 4.4.0',
  runs: 3,
  scale: 1,
  workloads: [
    {
      name: 'fast',
      title: 'Something fast',
      method: 'Somehow.',
      metrics: [{ name: 'speed', unit: 'MB/s', digits: 0 }],
      targets: [
        { metric: 'speed', against: 'Apache Kafka', sense: 'at least', limit: 1.2 },
        { metric: 'speed', against: null, sense: 'at most', limit: 250 }
      ],
      // The machine became three times as fast in the middle: the medians alone would say 0.99.
      runs: [
        { contender: 'odradek', samples: speeds([150, 297, 600]) },
        { contender: 'Apache Kafka', samples: speeds([100, 300, 300]) }
      ],
      growth: [
        {
          title: 'Growing',
          axis: 'things',
          unit: 'us',
          points: [
            [1, 5],
            [1000, 6]
          ]
        }
      ]
    }
  ]
}

test('the median of an even number of values is the mean of the two in the middle', () => {
  expect(median([4, 1, 3])).toBe(3)
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

test('a ratio is that of runs made one right after the other', () => {
  expect(ratioOf(report.workloads[0]!, 'Apache Kafka', 'speed')).toEqual({
    median: 1.5,
    lowest: 0.99,
    highest: 2
  })
})

test('a target that is met and one that is not are told apart', () => {
  const table = targetsTable(report.workloads)
  expect(table).toContain('| 297 | 300 | ≥ 1.2 x Apache Kafka | 1.50 x, met |')
  expect(table).toContain('| ≤ 250 | 297, **not met** |')
})

test('a target against a contender that did not run is not measured', () => {
  const [workload] = report.workloads
  const alone = { ...workload!, runs: workload!.runs.slice(0, 1) }
  expect(targetsTable([alone])).toContain('| ≥ 1.2 x Apache Kafka | not measured |')
})

test('the method says what the machine did before the runs', () => {
  expect(methodText(report)).toContain('busy with 2 % before a run in the median, 2 % at most')
})

test('the method says which workloads were run more or less often', () => {
  expect(methodText(report)).not.toContain('Other numbers of runs')
  expect(methodText({ ...report, runs: 5 })).toContain('Other numbers of runs: fast 3 and 3.')
})

test('the summary tells how each workload is measured', () => {
  expect(benchmarkSummary(report)).toContain('- `fast`, Something fast: Somehow.')
})

test('the summary of no report says so', () => {
  expect(benchmarkSummary(null)).toContain('No run is kept')
})

test('the plot has a bar for each target against another, and a panel for each growth', () => {
  const svg = plot(report)
  expect(svg).toMatch(/^<svg /)
  expect(svg).toContain('fast: MB/s')
  expect(svg).toContain('1.50 x')
  expect(svg).toContain('Growing: us')
})
