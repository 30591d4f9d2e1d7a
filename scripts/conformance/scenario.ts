/**
 * The steps of the scenario, in the order in which programs do them and tables show them. What each
 * of them demands is in test/conformance/clients/README.md.
 */
export const steps = [
  'describe-cluster',
  'create-topic',
  'describe-topics',
  'auto-create',
  'produce-none',
  'produce-gzip',
  'produce-snappy',
  'produce-lz4',
  'produce-zstd',
  'headers-tombstones',
  'large-record',
  'acks',
  'idempotent-producer',
  'seek-by-time',
  'group-consume',
  'group-rebalance',
  'group-kip-848',
  'commit-resume',
  'list-groups',
  'describe-group',
  'group-offsets',
  'delete-group',
  'describe-configs',
  'alter-configs',
  'delete-records',
  'create-partitions',
  'transaction-commit',
  'transaction-abort',
  'transaction-offsets',
  'kill-restart',
  'delete-topic'
] as const

export type Step = (typeof steps)[number]

/** How one step went. `by` says whose lack it is when it was not offered. */
export type StepOutcome =
  | { readonly step: Step; readonly result: 'passed' }
  | { readonly step: Step; readonly result: 'failed'; readonly detail: string }
  | {
      readonly step: Step
      readonly result: 'not-offered'
      readonly by: 'client' | 'broker'
      readonly detail: string
    }

/** What one client made of the scenario. */
export interface ClientResult {
  /** The name of the client's entry in clients.ts. */
  readonly client: string
  /** The client library's own name and version, as the program itself reported them. */
  readonly library: string
  readonly version: string
  /** Configuration that makes another client of the same library. */
  readonly variant?: string
  /** The day of the run, in UTC: 2026-11-22. */
  readonly date: string
  readonly steps: readonly StepOutcome[]
}

/** What a program says on one line of its standard output. */
export type ProgramLine =
  | { readonly kind: 'introduction'; readonly client: string; readonly version: string }
  | { readonly kind: 'ask'; readonly ask: 'kill-restart' }
  | { readonly kind: 'outcome'; readonly outcome: StepOutcome }

/**
 * Reads one line of a program's standard output.
 *
 * @returns null for a line that is no JSON object: clients print what they like
 * @throws for an object that is none of the agreed ones, so that a typing error in a program shows
 */
export function parseLine(line: string): ProgramLine | null {
  if (!line.startsWith('{')) return null
  const said: unknown = JSON.parse(line)
  if (text(said, 'ask') === 'kill-restart') return { kind: 'ask', ask: 'kill-restart' }
  const [client, version] = [text(said, 'client'), text(said, 'version')]
  if (client !== '' && version !== '') return { kind: 'introduction', client, version }
  return { kind: 'outcome', outcome: outcomeOf(said) }
}

/** Reads a result file; throws when it is none. */
export function parseResult(json: string): ClientResult {
  const result: unknown = JSON.parse(json)
  const steps: unknown = Reflect.get(Object(result), 'steps')
  const variant = text(result, 'variant')
  return {
    client: text(result, 'client'),
    library: text(result, 'library'),
    version: text(result, 'version'),
    ...(variant === '' ? {} : { variant }),
    date: text(result, 'date'),
    steps: Array.isArray(steps) ? steps.map(outcomeOf) : []
  }
}

function outcomeOf(said: unknown): StepOutcome {
  const [step, by, detail] = [text(said, 'step'), text(said, 'by'), text(said, 'detail')]
  if (!isStep(step)) throw new Error(`no step of the scenario: ${JSON.stringify(said)}`)
  switch (text(said, 'result')) {
    case 'passed':
      return { step, result: 'passed' }
    case 'failed':
      return { step, result: 'failed', detail }
    case 'not-offered':
      if (by === 'client' || by === 'broker') return { step, result: 'not-offered', by, detail }
      throw new Error(`whose lack is it? ${JSON.stringify(said)}`)
    default:
      throw new Error(`no result of a step: ${JSON.stringify(said)}`)
  }
}

/** A field that is text, else the empty text. */
function text(said: unknown, name: string): string {
  const value: unknown = Reflect.get(Object(said), name)
  return typeof value === 'string' ? value : ''
}

function isStep(name: string): name is Step {
  return steps.some(step => step === name)
}

/** All steps in order; those that a program never came to have failed, for `reason`. */
export function completed(
  outcomes: ReadonlyMap<Step, StepOutcome>,
  reason: string
): readonly StepOutcome[] {
  return steps.map(
    step => outcomes.get(step) ?? { step, result: 'failed', detail: `never reached: ${reason}` }
  )
}
