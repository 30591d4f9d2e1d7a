import { logLevels, type LogFields, type Logger, type LogLevel } from './logger.ts'

export interface LineLoggerOptions {
  readonly level: LogLevel
  /** Takes one line, with its end. */
  write(line: string): void
  /** Wall time, milliseconds. */
  wallMs(): number
  readonly colours: boolean
}

type Severity = Exclude<LogLevel, 'silent'>

const label: Readonly<Record<Severity, string>> = {
  debug: 'DEBUG',
  info: 'INFO ',
  warn: 'WARN ',
  error: 'ERROR'
}
const colour: Readonly<Record<Severity, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m'
}
const plain = '\u001b[0m'

/** Short lines for people: `12:04:31.207 WARN  connection refused  client=10.0.0.7`. */
export function lineLogger(options: LineLoggerOptions): Logger {
  return withFields(options, {})
}

function withFields(options: LineLoggerOptions, always: LogFields): Logger {
  const least = logLevels.indexOf(options.level)
  const speak =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(severity) < least) return
      const level = options.colours
        ? `${colour[severity]}${label[severity]}${plain}`
        : label[severity]
      const pairs = Object.entries({ ...always, ...fields })
      const rest = pairs.map(([name, value]) => `${name}=${fieldText(value)}`).join(' ')
      const text = rest === '' ? escaped(message) : `${escaped(message)}  ${rest}`
      options.write(`${timeOfDay(options.wallMs())} ${level} ${text}\n`)
    }
  return {
    debug: speak('debug'),
    info: speak('info'),
    warn: speak('warn'),
    error: speak('error'),
    child: fields => withFields(options, { ...always, ...fields })
  }
}

function timeOfDay(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(11, 23)
}

/** A value on one line: quoted when it holds anything that could be taken for something else. */
function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text !== undefined && /^[\w.:/@%+-]+$/.test(text) ? text : JSON.stringify(text ?? '')
}

/**
 * Clients' bytes reach the log: what could move the cursor or start a line is written as an escape.
 */
function escaped(message: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  return message.replace(/[\u0000-\u001f\u007f-\u009f]/g, character =>
    JSON.stringify(character).slice(1, -1)
  )
}
