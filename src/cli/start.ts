import { startBroker, StartError, type RunningBroker, type StartErrorCode } from '../index.ts'
import { nodeClock } from '../io/node-clock.ts'
import { StalledDisk } from '../broker.ts'
import { readWhole } from '../io/files.ts'
import { nodeFiles } from '../io/node-files.ts'
import { isFileError } from '../storage/local/read-steps.ts'
import { deferredLogger, type DeferredLogger } from '../telemetry/deferred-logger.ts'
import { lineLogger } from '../telemetry/line-logger.ts'
import type { Logger } from '../telemetry/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { startPlan, type StartOptions, type StartPlan } from './start-options.ts'

export type { StartOptions } from './start-options.ts'

/**
 * Runs a broker until it is told to stop.
 *
 * @returns the exit code
 */
export async function start(
  options: StartOptions,
  environment: Readonly<Record<string, string | undefined>>
): Promise<number> {
  let broker: RunningBroker
  let log: DeferredLogger | null = null
  try {
    const plan = startPlan(options, environment, readText)
    log = makeLogger(plan)
    broker = await startBroker({ ...plan.broker, logger: log.logger, keepProcessAlive: true })
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    await log?.written()
    process.stderr.write(`odradek: ${error.message}\n`)
    return exitCodeOf[error.code]
  }
  process.stdout.write(`${readyLine(broker)}\n`)
  stopOnSignals(broker, log.logger)
  try {
    await broker.closed
    return exitCodes.stopped
  } catch (error) {
    // The broker has logged what it was. Node does not exit before its threads are done, and one of
    // them waits for the disk.
    if (error instanceof StalledDisk) await log.written().then(() => dieOf('SIGKILL'))
    return exitCodes.failed
  } finally {
    await log.written()
  }
}

function readText(path: string): string {
  try {
    return readWhole(nodeFiles(), path).toString('utf8')
  } catch (error) {
    if (isFileError(error)) throw new StartError('INVALID_OPTION', error.message)
    throw error
  }
}

function makeLogger({ logLevel, logFormat }: StartPlan): DeferredLogger {
  const isTerminal = process.stderr.isTTY
  const format = logFormat ?? (isTerminal ? 'text' : 'json')
  return deferredLogger(logLevel, async () => {
    if (format === 'json') {
      const { jsonLogger } = await import('../telemetry/json-logger.ts')
      return jsonLogger(logLevel, process.stderr.fd)
    }
    return lineLogger({
      level: logLevel,
      write: line => process.stderr.write(line),
      wallMs: () => nodeClock.wallMs(),
      colours: isTerminal && process.env.NO_COLOR === undefined
    })
  })
}

/** The one line on standard output: programs wait for it, people read it. */
function readyLine(broker: RunningBroker): string {
  const data = broker.dataDir === null ? 'in memory' : `data ${broker.dataDir}`
  return [
    `odradek ready: ${broker.bootstrapServers}`,
    `cluster ${broker.clusterId}`,
    `durability ${broker.durability}`,
    data,
    `in ${Math.round(process.uptime() * 1e3)} ms`
  ].join('  ')
}

/**
 * Ends the process at once, whatever its threads do; the first process of a container is immune.
 */
function dieOf(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** The first signal closes the broker; a second one does not wait for that. */
function stopOnSignals(broker: RunningBroker, logger: Logger): void {
  let isStopping = false
  for (const [signal, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2]
  ] as const) {
    process.on(signal, () => {
      if (isStopping) {
        dieOf(signal)
        process.exit(128 + number)
      }
      isStopping = true
      logger.info('stopping', { signal })
      void broker.close()
    })
  }
}

const exitCodeOf: Readonly<Record<StartErrorCode, number>> = {
  INVALID_OPTION: exitCodes.usage,
  INVALID_CONFIG: exitCodes.usage,
  PORT_IN_USE: exitCodes.address,
  PORT_NOT_PERMITTED: exitCodes.address,
  ADDRESS_NOT_AVAILABLE: exitCodes.address,
  LISTEN_FAILED: exitCodes.address,
  LOCKED: exitCodes.dataDirectory,
  UNREADABLE: exitCodes.dataDirectory,
  NOT_A_DIRECTORY: exitCodes.dataDirectory,
  FOREIGN: exitCodes.dataDirectory,
  NEWER_FORMAT: exitCodes.dataDirectory,
  CORRUPT: exitCodes.dataDirectory
}
