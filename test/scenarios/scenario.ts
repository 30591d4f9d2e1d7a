/** One step of a scenario: what is done, and what is expected to come of it. */
export interface Step {
  /** Lines from before the command that explain it, each with its `#`. */
  readonly comments: readonly string[]
  readonly command: string
  readonly expected: readonly string[]
}

/**
 * Reads a scenario: blocks between empty lines, each a command, a line of dashes, and the trace it
 * leaves. Lines that begin with `#` before a command are comments.
 */
export function parseScenario(text: string): readonly Step[] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .map(block => {
      const lines = block.split('\n')
      const comments = lines.filter(line => line.startsWith('#'))
      const [command, dashes, ...expected] = lines.filter(line => !line.startsWith('#'))
      if (command === undefined) return { comments, command: '', expected: [] }
      if (dashes !== '----') throw new Error(`dashes are missing after: ${command}`)
      return { comments, command, expected }
    })
}

/** Writes a scenario as it is read: what a changed one is replaced by. */
export function printScenario(steps: readonly Step[]): string {
  const blocks = steps.map(({ comments, command, expected }) =>
    (command === '' ? comments : [...comments, command, '----', ...expected]).join('\n')
  )
  return `${blocks.join('\n\n')}\n`
}

/** A command's words: the first, those without `=`, and those with. */
export interface Words {
  readonly verb: string
  readonly names: readonly string[]
  readonly options: ReadonlyMap<string, string>
}

export function wordsOf(command: string): Words {
  const [verb = '', ...rest] = command.split(/\s+/)
  const options = new Map<string, string>()
  const names: string[] = []
  for (const word of rest) {
    const at = word.indexOf('=')
    if (at === -1) names.push(word)
    else options.set(word.slice(0, at), word.slice(at + 1))
  }
  return { verb, names, options }
}
