import { Command, CommanderError, Option } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { exitCodes } from './exit-codes.ts'
import { addLogCommand } from './log-options.ts'
import { startFlags, type StartFlag } from './start-flags.ts'
import type { StartOptions } from './start-options.ts'

const examples = `
Examples:
  odradek start                                          everything in memory, on 127.0.0.1:9092
  odradek start --data-dir ./data                        durable: an acknowledged record is on disk
  odradek start --listen 127.0.0.1:0                     a free port; the ready line names it
  odradek start --config num.partitions=3 --config log.retention.hours=24

Exit codes: 0 stopped, 1 failed, 2 wrong option or config, 3 address not available,
4 data directory not usable, 5 damage in a log. Every option of start can be set in
the environment: ODRADEK_LISTEN, ODRADEK_DATA_DIR, ODRADEK_CONFIG_NUM_PARTITIONS ...`

/**
 * Reads a command line of any kind, and does what it says; help and what is wrong included.
 *
 * @param runStart runs a broker until it is told to stop
 */
export async function runProgram(
  argv: readonly string[],
  runStart: (options: StartOptions) => Promise<void>
): Promise<void> {
  // Whoever reads only the beginning, as `head` does, is not told that there was more.
  process.stdout.on('error', () => process.exit(exitCodes.stopped))
  try {
    await program(runStart).parseAsync(argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? exitCodes.stopped : exitCodes.usage
  }
}

function program(runStart: (options: StartOptions) => Promise<void>): Command {
  const command = new Command('odradek')
    .description('A broker that speaks the Apache Kafka protocol')
    .version(packageJson.version, '--version')
    .exitOverride()
    .showHelpAfterError('(--help says which commands and options there are)')
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error:/, 'odradek:'))
    })
    .addHelpText('after', examples)
  const start = command
    .command('start')
    .description('start a broker and run until SIGTERM or SIGINT')
    .action(runStart)
  for (const flag of startFlags) start.addOption(optionOf(flag))
  addLogCommand(command)
  return command
}

function optionOf({ flag, value, about, choices, isRepeatable }: StartFlag): Option {
  const option = new Option(value === null ? flag : `${flag} ${value}`, about)
  if (choices !== undefined) option.choices(choices)
  return isRepeatable ? option.argParser(collect) : option
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value]
}
