import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { clients } from './clients.ts'
import { parseResult, steps, type ClientResult, type Step, type StepOutcome } from './scenario.ts'

const folder = fileURLToPath(new URL('../../test/conformance/clients/results/', import.meta.url))

/** Writes one client's result to its file in `results`. */
export async function writeResult(result: ClientResult): Promise<void> {
  const file = `${folder}${result.client}.json`
  const options = await resolveConfig(file)
  await mkdir(folder, { recursive: true })
  await writeFile(file, await format(JSON.stringify(result), { ...options, filepath: file }))
}

/** The results that are kept in the repository, in the order of the clients. */
export function readResults(): readonly ClientResult[] {
  const files = new Set(readdirSync(folder))
  return clients.flatMap(({ name }) => {
    if (!files.has(`${name}.json`)) return []
    return [parseResult(readFileSync(`${folder}${name}.json`, 'utf8'))]
  })
}

/** How one step went, in one sign. */
export function sign(
  outcome: { readonly result: StepOutcome['result']; readonly by?: string } | undefined
): string {
  if (outcome === undefined) return '?'
  if (outcome.result === 'passed') return '✓'
  if (outcome.result === 'failed') return '✗'
  return outcome.by === 'broker' ? '○' : '–'
}

/** Steps that the short table shows in one column. */
export const areas: ReadonlyArray<readonly [title: string, steps: readonly Step[]]> = [
  [
    'topics',
    ['create-topic', 'describe-topics', 'auto-create', 'create-partitions', 'delete-topic']
  ],
  ['records', ['headers-tombstones', 'large-record', 'acks', 'seek-by-time', 'delete-records']],
  ['codecs', ['produce-none', 'produce-gzip', 'produce-snappy', 'produce-lz4', 'produce-zstd']],
  ['idempotence', ['idempotent-producer']],
  ['transactions', ['transaction-commit', 'transaction-abort', 'transaction-offsets']],
  ['groups', ['group-consume', 'group-rebalance', 'commit-resume']],
  ['KIP-848', ['group-kip-848']],
  ['group admin', ['list-groups', 'describe-group', 'group-offsets', 'delete-group']],
  ['cluster, configs', ['describe-cluster', 'describe-configs', 'alter-configs']],
  ['kill, restart', ['kill-restart']]
]

/** Results as a Markdown table: a row for each client, a column for each area of the scenario. */
export function summary(results: readonly ClientResult[]): string {
  const rows = results.map(result => {
    const cells = areas.map(([, wanted]) => areaCell(result, wanted))
    const { library, version, variant } = result
    const name = variant === undefined ? library : `${library} as ${variant}`
    return `| ${name} | ${version} | ${cells.join(' | ')} |`
  })
  return [
    `Last run: ${days(results)}.`,
    '',
    `| Client | Version | ${areas.map(([title]) => title).join(' | ')} |`,
    `|---|---|${areas.map(() => '---|').join('')}`,
    ...rows
  ].join('\n')
}

/** The days of the runs, from the first to the last. */
function days(results: readonly ClientResult[]): string {
  const [first, ...others] = [...new Set(results.map(({ date }) => date))].sort()
  return others.length === 0 ? `${first}` : `${first} to ${others.at(-1)}`
}

/** One sign where all steps went the same way, else the most frequent and the exceptions. */
function areaCell(result: ClientResult, wanted: readonly Step[]): string {
  const bySign = new Map<string, string[]>()
  for (const step of wanted) {
    const its = sign(result.steps.find(outcome => outcome.step === step))
    bySign.set(its, [...(bySign.get(its) ?? []), step.replace(/^produce-|-group$/, '')])
  }
  const [most, ...others] = [...bySign].sort(([, a], [, b]) => b.length - a.length)
  return [most![0], ...others.map(([its, steps]) => `${its} ${steps.join(', ')}`)].join('; ')
}

/** Results as a Markdown table: a row for each step, a column for each client. */
export function matrix(results: readonly ClientResult[]): string {
  const rows = steps.map(step => {
    const signs = results.map(result => sign(result.steps.find(outcome => outcome.step === step)))
    return `| ${step} | ${signs.join(' | ')} |`
  })
  return [
    `| | ${results.map(({ client }) => client).join(' | ')} |`,
    `|---|${results.map(() => ':-:|').join('')}`,
    ...rows
  ].join('\n')
}
