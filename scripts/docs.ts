import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { handlers } from '../src/handlers/index.ts'
import { apis } from '../src/wire/generated/api-table.ts'

// Writes the parts of the README that the program knows better: `npm run docs`.

const readme = fileURLToPath(new URL('../README.md', import.meta.url))

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

/** The README's text with its generated parts made anew. */
export async function renewedReadme(text: string): Promise<string> {
  const [begin, end] = ['<!-- apis: made by npm run docs -->', '<!-- /apis -->']
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error('README.md has lost its markers for the APIs')
  const renewed = `${text.slice(0, from + begin.length)}\n\n${apiTable()}\n\n${text.slice(to)}`
  const options = await resolveConfig(readme)
  return format(renewed, { ...options, filepath: readme })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(readme, await renewedReadme(readFileSync(readme, 'utf8')))
}
