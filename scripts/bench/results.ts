import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { methodsList, methodText, targetsTable, type Report } from './report.ts'

const folder = fileURLToPath(new URL('results/', import.meta.url))

/** The run whose figures the README shows. */
export const reportFile = `${folder}latest.json`
export const plotFile = `${folder}latest.svg`

/** The kept report; null when none is kept. */
export function readReport(): Report | null {
  if (!existsSync(reportFile)) return null
  return JSON.parse(readFileSync(reportFile, 'utf8'))
}

/** A report as it is kept in a file. */
export async function reportText(report: Report, file: string): Promise<string> {
  return format(JSON.stringify(report), { ...(await resolveConfig(file)), filepath: file })
}

/** The README's part on speed: what was aimed at, what was measured, and how. */
export function benchmarkSummary(report: Report | null): string {
  if (report === null) return 'No run is kept yet.'
  return [
    targetsTable(report.workloads),
    `${methodText(report)} Every single run is in \`scripts/bench/results/latest.json\`.`,
    methodsList(report.workloads),
    '![odradek to Apache Kafka](scripts/bench/results/latest.svg)'
  ].join('\n\n')
}
