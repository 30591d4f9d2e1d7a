import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { clients } from './clients.ts'
import { steps, type ClientResult, type StepOutcome } from './scenario.ts'

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
    return [JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')) as ClientResult]
  })
}

/** How one step went, in one sign. */
export function sign(outcome: StepOutcome | undefined): string {
  if (outcome === undefined) return '?'
  if (outcome.result === 'passed') return '✓'
  if (outcome.result === 'failed') return '✗'
  return outcome.by === 'broker' ? '○' : '–'
}

/** Results as a Markdown table: a row for each step, a column for each client. */
export function matrix(results: readonly ClientResult[]): string {
  const rows = steps.map(step => {
    const signs = results.map(result => sign(result.steps.find(outcome => outcome.step === step)))
    return `| ${step} | ${signs.join(' | ')} |`
  })
  const titles = results.map(({ library, version }) => `${library} ${version}`)
  return [
    `| | ${titles.join(' | ')} |`,
    `|---|${results.map(() => ':-:').join('|')}|`,
    ...rows
  ].join('\n')
}
