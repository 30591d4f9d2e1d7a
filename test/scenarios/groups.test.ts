import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { GroupRun } from './group-run.ts'
import { parseScenario, printScenario } from './scenario.ts'

// With UPDATE_SCENARIOS=1 the traces are written anew: read the difference before it is committed.
const folder = fileURLToPath(new URL('groups/', import.meta.url))
const files = readdirSync(folder).filter(name => name.endsWith('.txt'))

describe('groups behave as their scenarios say', () => {
  for (const name of files) {
    test(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const text = readFileSync(folder + name, 'utf8')
      const run = new GroupRun()
      const steps = parseScenario(text).map(step => ({
        ...step,
        expected: step.command === '' ? [] : run.run(step.command)
      }))
      const printed = printScenario(steps)
      if (process.env['UPDATE_SCENARIOS'] === '1') writeFileSync(folder + name, printed)
      else expect(printed).toBe(text)
    })
  }
})
