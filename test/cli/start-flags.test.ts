import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'
import { plainStartOptions, startFlags } from '../../src/cli/start-flags.ts'
import type { StartOptions } from '../../src/cli/start-options.ts'

/** What commander makes of the words behind `odradek start`. */
async function commanderOptions(words: readonly string[]): Promise<StartOptions | null> {
  let seen: StartOptions | null = null
  await runProgram(['node', 'odradek', 'start', ...words], async options => {
    seen = { ...options }
  })
  return seen
}

const flagWithValue = fc
  .constantFrom(...startFlags)
  .chain(({ flag, value, choices }): fc.Arbitrary<readonly string[]> => {
    if (value === null) return fc.constant([flag])
    const values = choices === undefined ? fc.string() : fc.constantFrom(...choices)
    const apart = values.map(text => [flag, text])
    return fc.oneof(
      apart,
      values.map(text => [`${flag}=${text}`])
    )
  })

test('a command line that is read the plain way says the same to commander', async () => {
  let plainCount = 0
  await fc.assert(
    fc.asyncProperty(fc.array(flagWithValue), async flags => {
      const words = flags.flat()
      const plain = plainStartOptions(words)
      if (plain === null) return
      plainCount++
      expect(await commanderOptions(words)).toEqual(plain)
    })
  )
  expect(plainCount).toBeGreaterThan(50)
})

test('a value may stand behind an equals sign', () => {
  expect(plainStartOptions(['--node-id=1'])).toEqual({ nodeId: '1' })
})

test('flags that are repeated add up where they may be, and otherwise the last one counts', () => {
  const words = ['--config', 'a=1', '--node-id', '1', '--config', 'b=2', '--node-id', '2']
  expect(plainStartOptions(words)).toEqual({ config: ['a=1', 'b=2'], nodeId: '2' })
})

test.each([
  ['a flag that nobody knows', ['--fast']],
  ['help', ['--help']],
  ['a value that may be a flag', ['--data-dir', '--insecure']],
  ['a value that is missing', ['--node-id', '1', '--listen']],
  ['a value that is no choice', ['--durability', 'mostly']],
  ['a word that belongs to no flag', ['here']]
])('is left to commander: %s', (_what, words) => {
  expect(plainStartOptions(words)).toBeNull()
})
