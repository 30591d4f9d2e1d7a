import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { benchmarkSummary, plotFile, readReport } from './bench/results.ts'
import { partsMatrix, partsSummary } from './conformance/java-results.ts'
import { matrix, readResults, summary } from './conformance/results.ts'
import { handlers } from '../src/handlers/index.ts'
import { apis } from '../src/wire/generated/api-table.ts'

// Writes the parts of the README that the program knows better: `npm run docs`.

const readme = fileURLToPath(new URL('../README.md', import.meta.url))
const clientsReadme = fileURLToPath(
  new URL('../test/conformance/clients/README.md', import.meta.url)
)
const javaReadme = fileURLToPath(
  new URL('../test/conformance/clients/java/README.md', import.meta.url)
)

/** The APIs that are answered, as a table. */
export function apiTable(): string {
  const rows = Object.values(apis).flatMap(({ key, name, advertised, acceptedMin }) => {
    if (advertised === null || handlers[name] === undefined) return []
    const { min, max } = advertised
    const note = acceptedMin > min ? `advertised; ${acceptedMin}–${max} are answered` : ''
    return [`| ${key} | ${name} | ${min}–${max} | ${note} |`]
  })
  return ['| Key | API | Versions | |', '|--:|---|---|---|', ...rows].join('\n')
}

/** A text with what stands between the markers of a part made anew. */
function renewed(text: string, part: string, contents: string): string {
  const [begin, end] = [`<!-- ${part}: made by npm run docs -->`, `<!-- /${part} -->`]
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the markers of ${part} are lost`)
  return `${text.slice(0, from + begin.length)}\n\n${contents}\n\n${text.slice(to)}`
}

/** The README's text with its generated parts made anew. */
export async function renewedReadme(text: string): Promise<string> {
  const withApis = renewed(text, 'apis', apiTable())
  const withClients = renewed(withApis, 'clients', summary(readResults()))
  const withJava = renewed(withClients, 'java', partsSummary())
  return formatted(renewed(withJava, 'benchmarks', benchmarkSummary(readReport())), readme)
}

/** The same for the README of the conformance programs. */
export async function renewedClientsReadme(text: string): Promise<string> {
  return formatted(renewed(text, 'steps', matrix(readResults())), clientsReadme)
}

/** The same for the README of the Java programs. */
export async function renewedJavaReadme(text: string): Promise<string> {
  return formatted(renewed(text, 'parts', partsMatrix()), javaReadme)
}

async function formatted(text: string, filepath: string): Promise<string> {
  return format(text, { ...(await resolveConfig(filepath)), filepath })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(readme, await renewedReadme(readFileSync(readme, 'utf8')))
  const report = readReport()
  if (report !== null) {
    const { plot } = await import('./bench/plot.ts')
    writeFileSync(plotFile, plot(report))
  }
  writeFileSync(clientsReadme, await renewedClientsReadme(readFileSync(clientsReadme, 'utf8')))
  writeFileSync(javaReadme, await renewedJavaReadme(readFileSync(javaReadme, 'utf8')))
}
