import { readFileSync } from 'node:fs'
import {
  parts,
  releases,
  resultFile,
  type Part,
  type PartResult
} from '../../test/conformance/clients/java/parts.ts'
import { sign } from './results.ts'

const folder = new URL('../../test/conformance/clients/java/results/', import.meta.url)

/** What the Java programs made of one part: a result for each release, in the order of releases. */
export function readPartResults(part: Part): readonly PartResult[] {
  return releases.map(({ clients, ecosystem }) => {
    const file = resultFile(part.name, part.ecosystem ? ecosystem : clients)
    const result: PartResult = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
    return result
  })
}

/** A row for each part: how many steps went how. */
export function partsSummary(): string {
  const rows = parts.map(part => {
    const cells = readPartResults(part).map(result => `${result.version}: ${counts(result)}`)
    return `| ${part.title} | ${cells.join(' | ')} |`
  })
  const lines = releases.map(({ clients }) => clients.split('.').slice(0, 2).join('.'))
  return [
    `| | Kafka ${lines.join(' | Kafka ')} |`,
    `|---|${lines.map(() => '---|').join('')}`,
    ...rows
  ].join('\n')
}

/** How many steps of a result went how, the frequent first. */
function counts({ steps }: PartResult): string {
  const bySign = new Map<string, number>()
  for (const step of steps) bySign.set(sign(step), (bySign.get(sign(step)) ?? 0) + 1)
  return [...bySign].map(([its, count]) => `${its} ${count}`).join(', ')
}

/** A paragraph on what the broker lacks, the APIs or else the reasons; empty for nothing. */
function wanted(results: readonly PartResult[]): readonly string[] {
  const details = results
    .flatMap(({ steps }) => steps)
    .filter(({ by }) => by === 'broker')
    .map(({ detail = '' }) => / does not offer (\w+)$/.exec(detail)?.[1] ?? detail)
  const lacks = [...new Set(details)].sort().join(', ')
  return lacks === '' ? [] : ['', `○ for want of: ${lacks}.`]
}

/** For each part a row for each step, a column for each release, and what ○ is for want of. */
export function partsMatrix(): string {
  return parts.map(partTable).join('\n\n')
}

function partTable(part: Part): string {
  const results = readPartResults(part)
  const names = [...new Set(results.flatMap(({ steps }) => steps.map(({ step }) => step)))]
  const rows = names.map(name => {
    const outcomes = results.map(({ steps }) => steps.find(({ step }) => step === name))
    const signs = outcomes.map(outcome => (outcome === undefined ? '–' : sign(outcome)))
    return `| ${name} | ${signs.join(' | ')} |`
  })
  return [
    `### ${part.name}: ${part.title}`,
    '',
    `| | ${results.map(({ version }) => version).join(' | ')} |`,
    `|---|${results.map(() => ':-:|').join('')}`,
    ...rows,
    ...wanted(results)
  ].join('\n')
}
