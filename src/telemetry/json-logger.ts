import { pino } from 'pino'
import type { LogFields, Logger, LogLevel } from './logger.ts'

/** One JSON object per line on a file descriptor, for machines. */
export function jsonLogger(level: LogLevel, descriptor: number): Logger {
  return overPino(
    pino(
      {
        level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: name => ({ level: name }) }
      },
      // Written at once: the last line before an exit is the one that matters.
      pino.destination({ dest: descriptor, sync: true })
    )
  )
}

function overPino(log: pino.Logger): Logger {
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(serialized(fields), message),
    child: fields => overPino(log.child(fields))
  }
}

/** Errors are objects without enumerable fields: without this, their text would be lost. */
function serialized(fields: LogFields = {}): LogFields {
  const texts: Record<string, unknown> = { ...fields }
  for (const [name, value] of Object.entries(fields))
    if (value instanceof Error) texts[name] = value.stack ?? value.message
  return texts
}
