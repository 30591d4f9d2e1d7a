import type { Versions } from './model.ts'

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

  indented(body: () => void): void {
    this.#depth++
    body()
    this.#depth--
  }

  /** A doc comment, wrapped at 100 columns. */
  doc(text: string): void {
    const width = 96 - 2 * this.#depth
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
    emitBranch(source, `if (version < ${newest.from})`, cases[1]!.text)
    return
  }
  cases.forEach(({ from, text }, index) => {
    if (cases.slice(index).every(older => older.text === '')) return
    const condition = index === cases.length - 1 ? '' : `if (version >= ${from})`
    const head = index === 0 ? condition : `else ${condition}`.trimEnd()
    emitBranch(source, head, text)
  })
}

function emitBranch(source: Source, head: string, text: string): void {
  const lines = linesOf(text)
  if (lines.length === 1) {
    source.line(`${head} ${lines[0]}`)
    return
  }
  if (lines.length === 0) {
    source.line(`${head} {}`)
    return
  }
  source.block(head, () => {
    for (const line of lines) source.line(line)
  })
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n')
}
