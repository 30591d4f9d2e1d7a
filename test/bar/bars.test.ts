import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bars, runBar } from '../../scripts/bar/bars.ts'

const barNames = Object.keys(bars)
// Here, where nothing counts the time: it takes seconds on a busy machine.
for (const load of Object.values(bars)) await load()

const said = { out: '', err: '' }
beforeEach(() => {
  said.out = said.err = ''
  vi.spyOn(console, 'log').mockImplementation((text: string) => (said.out += text))
  vi.spyOn(console, 'error').mockImplementation((text: string) => (said.err += text))
})
afterEach(() => vi.restoreAllMocks())

describe.each(barNames)('%s', name => {
  test('--help says how it is called, and runs nothing', async () => {
    expect(await runBar([name, '--help'])).toBe(0)
    expect(said.out).toContain(`npm run bar -- ${name}`)
  })

  test.each([['--no-such-option'], ['stray']])(
    'with %s says what is wrong and how it is called, and runs nothing',
    async word => {
      expect(await runBar([name, word])).toBe(2)
      expect(said.err).toContain(word)
      expect(said.err).toContain(`npm run bar -- ${name}`)
    }
  )
})

test.each([
  ['crash', '--points', 'many'],
  ['crash', '--durability', 'memory'],
  ['crash', '--replay', '/no/such/plan'],
  ['faults', '--every', '0'],
  ['corruption', '--flips', '-1'],
  ['kill', '--kills', '0'],
  ['kill', '--durability', 'memory'],
  ['restart', '--gigabytes', 'x'],
  ['enospc', '--cycles', '1.5'],
  ['power', '--cuts', ''],
  ['syscalls', '--only', 'mmap'],
  ['syscalls', '--durability', 'memory']
])('%s %s %j is refused by the name of the option', async (name, option, value) => {
  expect(await runBar([name, `${option}=${value}`])).toBe(2)
  expect(said.err).toContain(option)
})

test.each([[[]], [['no-such-bar']]])('%j names all the bars', async words => {
  expect(await runBar(words)).toBe(2)
  for (const name of barNames) expect(said.err).toContain(name)
})
