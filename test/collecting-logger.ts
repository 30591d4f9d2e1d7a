import type { LogFields, Logger, LogLevel } from '../src/telemetry/logger.ts'

/** What a broker, or a part of one, has told. */
export interface LoggedLine {
  readonly level: Exclude<LogLevel, 'silent'>
  readonly message: string
  readonly fields: LogFields
}

/** Keeps what it is told in `lines`, what its children are told as well. */
export function collectingLogger(lines: LoggedLine[]): Logger {
  const take =
    (level: LoggedLine['level']) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields })
  const logger: Logger = {
    debug: take('debug'),
    info: take('info'),
    warn: take('warn'),
    error: take('error'),
    child: () => logger
  }
  return logger
}
