import { Command, CommanderError, Option } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { logLevels } from '../telemetry/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { addLogCommand } from './log-options.ts'
import type { StartOptions } from './start.ts'

const examples = `
Examples:
  odradek start                                          everything in memory, on 127.0.0.1:9092
  odradek start --data-dir ./data                        durable: an acknowledged record is on disk
  odradek start --listen 127.0.0.1:0                     a free port; the ready line names it
  odradek start --config num.partitions=3 --config log.retention.hours=24

Exit codes: 0 stopped, 1 failed, 2 wrong option or config, 3 address not available,
4 data directory not usable, 5 damage in a log. Every option of start can be set in
the environment: ODRADEK_LISTEN, ODRADEK_DATA_DIR, ODRADEK_CONFIG_NUM_PARTITIONS ...`

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value]
}

function program(): Command {
  const command = new Command('odradek')
    .description('A broker that speaks the Apache Kafka protocol')
    .version(packageJson.version, '--version')
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', examples)
  command
    .command('start')
    .description('start a broker and run until SIGTERM or SIGINT')
    .exitOverride()
    .addOption(
      new Option(
        '--listen <host:port>',
        'address to listen on, repeatable (default: 127.0.0.1:9092)'
      ).argParser(collect)
    )
    .addOption(
      new Option(
        '--advertise <host:port>',
        'what clients are told to connect to, one per --listen'
      ).argParser(collect)
    )
    .addOption(new Option('--data-dir <dir>', 'folder for the data; without it all is in memory'))
    .addOption(
      new Option('--durability <mode>', 'what an acknowledgement means').choices([
        'memory',
        'os',
        'fsync'
      ])
    )
    .addOption(new Option('--node-id <number>', 'id of the broker (default: 1)'))
    .addOption(new Option('--cluster-id <id>', 'id of a new cluster (default: a random one)'))
    .addOption(new Option('--config <key=value>', 'a broker config, repeatable').argParser(collect))
    .addOption(new Option('--properties <file>', 'broker configs from a server.properties file'))
    .addOption(new Option('--log-level <level>', 'how much to say').choices(logLevels))
    .addOption(
      new Option('--log-format <format>', 'text or json (default: text on a terminal)').choices([
        'text',
        'json'
      ])
    )
    .addOption(new Option('--insecure', 'listen beyond this machine without authentication'))
    .action(async (options: StartOptions) => {
      const { start } = await import('./start.ts')
      // Said outright: whatever might still hold the process must not keep a stopped broker around.
      process.exit(await start(options, process.env))
    })
  addLogCommand(command)
  return command
}

async function main(): Promise<void> {
  try {
    await program().parseAsync(process.argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? exitCodes.stopped : exitCodes.usage
  }
}

void main()
