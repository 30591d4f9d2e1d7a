import type { Versions } from './model.ts'

const lineWidth = 100

/** Text of a source file, line by line, indented by blocks. */
export class Source {
  readonly #lines: string[] = []
  #depth = 0

  line(text = ''): void {
    this.#lines.push(text === '' ? '' : '  '.repeat(this.#depth) + text)
  }

  /** `head {` … `}`, with what `body` writes in between. */
  block(head: string, body: () => void, tail = ''): void {
    this.line(`${head} {`)
    this.indented(body)
    this.line(`}${tail}`)
  }

  /** A function; its parameters take a line each when one line is too short. */
  function(head: string, parameters: readonly string[], result: string, body: () => void): void {
    const line = `${head}(${parameters.join(', ')}): ${result} {`
    if (line.length <= lineWidth) this.line(line)
    else {
      this.line(`${head}(`)
      this.indented(() => {
        parameters.forEach((parameter, index) => {
          this.line(parameter + (index === parameters.length - 1 ? '' : ','))
        })
      })
      this.line(`): ${result} {`)
    }
    this.indented(body)
    this.line('}')
  }

  /** A loop over one statement, in braces when one line is too short. */
  loop(head: string, statement: string): void {
    if (2 * this.#depth + head.length + 1 + statement.length <= lineWidth) {
      this.line(`${head} ${statement}`)
    } else this.block(head, () => this.line(statement))
  }

  indented(body: () => void): void {
    this.#depth++
    body()
    this.#depth--
  }

  /** A doc comment, wrapped at 100 columns. */
  doc(text: string): void {
    const width = lineWidth - 2 * this.#depth
    if (text.length + 7 <= width) {
      this.line(`/** ${text} */`)
      return
    }
    this.line('/**')
    for (const line of wrap(text, width - 3)) this.line(` * ${line}`)
    this.line(' */')
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines
}

/** What holds for a run of versions. */
export interface Case {
  readonly from: number
  readonly text: string
}

/** Groups the versions for which `text` says the same, ascending. */
export function casesByVersion(versions: Versions, text: (version: number) => string): Case[] {
  const cases: Case[] = []
  for (let version = versions.min; version <= versions.max; version++) {
    const current = text(version)
    if (cases.at(-1)?.text !== current) cases.push({ from: version, text: current })
  }
  return cases
}

/** An expression that chooses by version. */
export function choose(versions: Versions, text: (version: number) => string): string {
  const cases = casesByVersion(versions, text)
  return cases.reduce(
    (rest, { from, text }) => (rest === '' ? text : `version >= ${from} ? ${text} : ${rest}`),
    ''
  )
}

/** Statements that choose by version; versions without a statement are left out. */
export function branch(
  source: Source,
  versions: Versions,
  text: (version: number) => readonly string[]
): void {
  const cases = casesByVersion(versions, version => text(version).join('\n')).reverse()
  const newest = cases[0]!
  if (cases.length === 1) {
    for (const line of linesOf(newest.text)) source.line(line)
    return
  }
  if (cases.length === 2 && newest.text === '') {
    const open = emitBranch(source, `if (version < ${newest.from})`, cases[1]!.text)
    if (open !== '') source.line(open)
    return
  }
  let open = ''
  cases.forEach(({ from, text }, index) => {
    if (cases.slice(index).every(older => older.text === '')) return
    const condition = index === cases.length - 1 ? '' : `if (version >= ${from})`
    open = emitBranch(source, index === 0 ? condition : `else ${condition}`.trimEnd(), text, open)
  })
  if (open !== '') source.line(open)
}

/**
 * One arm of a chain of conditions, and what has to be closed before the next one.
 *
 * @param open the brace that the arm before left open, if any
 */
function emitBranch(source: Source, head: string, text: string, open = ''): string {
  const lines = linesOf(text)
  const start = open === '' ? head : `${open} ${head}`
  if (lines.length === 1) {
    source.line(`${start} ${lines[0]}`)
    return ''
  }
  source.line(`${start} {`)
  source.indented(() => {
    for (const line of lines) source.line(line)
  })
  return '}'
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n')
}
