import { atEndOfTurn } from '../io/node-turn.ts'
import { logLevels, type LogFields, type Logger, type LogLevel } from './logger.ts'

export interface DeferredLogger {
  readonly logger: Logger
  /** Resolves when every line so far is written. */
  written(): Promise<void>
}

/**
 * A logger that is loaded with the first line it has to write, at the end of the turn of the event
 * loop: what a broker says while it starts is said once it listens, and clients need not wait for
 * it to be able to speak.
 */
export function deferredLogger(level: LogLevel, load: () => Promise<Logger>): DeferredLogger {
  const least = logLevels.indexOf(level)
  let loading: Promise<Logger> | null = null
  let last: Promise<void> = Promise.resolve()

  const child = (always: LogFields): Logger => {
    const speak =
      (severity: Exclude<LogLevel, 'silent'>) =>
      (message: string, fields: LogFields = {}): void => {
        if (logLevels.indexOf(severity) < least) return
        loading ??= new Promise(resolve => atEndOfTurn(() => resolve(load())))
        last = loading.then(logger => logger[severity](message, { ...always, ...fields }))
      }
    return {
      debug: speak('debug'),
      info: speak('info'),
      warn: speak('warn'),
      error: speak('error'),
      child: fields => child({ ...always, ...fields })
    }
  }
  return { logger: child({}), written: () => last }
}
