import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { renewedReadme } from '../scripts/docs.ts'
import { exitCodes } from '../src/cli/exit-codes.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the table of APIs is what the broker answers (npm run docs renews it)', async () => {
  expect(await renewedReadme(readme)).toBe(readme)
})

describe('the README names', () => {
  test('every exit code', () => {
    for (const code of Object.values(exitCodes)) expect(readme).toMatch(`\`${code}\``)
  })

  test('every option of the command', () => {
    const sources = ['main.ts', 'log-options.ts'].map(name =>
      readFileSync(new URL(`../src/cli/${name}`, import.meta.url), 'utf8')
    )
    const options = [...sources.join('').matchAll(/'(--[a-z-]+) ?[^']*'/g)].map(match => match[1]!)
    expect(options.length).toBeGreaterThan(10)
    for (const option of options) expect(readme).toContain(option)
  })
})
