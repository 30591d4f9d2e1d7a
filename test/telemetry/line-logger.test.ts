import { expect, test } from 'vitest'
import { lineLogger } from '../../src/telemetry/line-logger.ts'
import type { Logger, LogLevel } from '../../src/telemetry/logger.ts'

const wallMs = (): number => Date.UTC(2026, 0, 2, 3, 4, 5, 6)

function logger(level: LogLevel, colours = false): { log: Logger; lines: string[] } {
  const lines: string[] = []
  return { log: lineLogger({ level, colours, wallMs, write: line => lines.push(line) }), lines }
}

test('a line has the time, the level, the message and the fields', () => {
  const { log, lines } = logger('info')
  log.warn('connection refused', { client: '10.0.0.7:5', count: 3 })
  expect(lines).toEqual(['03:04:05.006 WARN  connection refused  client=10.0.0.7:5 count=3\n'])
})

test('lines below the level are not written, and silent writes none', () => {
  const { log, lines } = logger('warn')
  log.debug('a')
  log.info('b')
  log.error('c')
  expect(lines).toHaveLength(1)
  const nothing = logger('silent')
  nothing.log.error('d')
  expect(nothing.lines).toEqual([])
})

test('what a client chose cannot forge a line or move the cursor', () => {
  const { log, lines } = logger('info')
  log.info('client says \n12:00:00 INFO  all is well', { name: 'a b\u001b[2J\n', empty: '' })
  expect(lines).toEqual([
    '03:04:05.006 INFO  client says \\n12:00:00 INFO  all is well  ' +
      'name="a b\\u001b[2J\\n" empty=""\n'
  ])
})

test('an error is written with its stack, a child repeats its fields', () => {
  const { log, lines } = logger('info')
  log.child({ part: 'server' }).error('failed', { error: new Error('no luck') })
  expect(lines[0]).toMatch(/ERROR failed {2}part=server error="Error: no luck\\n/)
})

test('colours are only around the level', () => {
  const { log, lines } = logger('info', true)
  log.error('failed')
  expect(lines[0]).toBe('03:04:05.006 \u001b[31mERROR\u001b[0m failed\n')
})
