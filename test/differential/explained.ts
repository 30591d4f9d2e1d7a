import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Difference } from './compare.ts'
import type { Json } from './transcript.ts'

const path = fileURLToPath(new URL('../golden/DIFFERENCES.md', import.meta.url))

/** One row of DIFFERENCES.md; `*` in it stands for any text. */
export interface Explanation {
  readonly conversation: string
  readonly step: string
  readonly path: string
  /** What Kafka answers there, as JSON, and what odradek does. */
  readonly kafka: string
  readonly ours: string
  /** The heading above it. */
  readonly reason: string
  readonly line: number
}

/** The rows of DIFFERENCES.md. */
export function readExplanations(): readonly Explanation[] {
  return parseExplanations(readFileSync(path, 'utf8'))
}

/**
 * Every table row below a heading; the heading and the text under it are the reason.
 *
 * @throws Error for a row that has not the five columns
 */
export function parseExplanations(markdown: string): readonly Explanation[] {
  const explanations: Explanation[] = []
  let reason = ''
  for (const [index, line] of markdown.split('\n').entries()) {
    const heading = /^#+ (.*)$/.exec(line)
    if (heading !== null) reason = heading[1]!
    if (!line.startsWith('|') || /^\|[\s:|-]+\|$/.test(line)) continue
    const cells = line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map(cell => cell.trim().replace(/^`(.*)`$/, '$1'))
    const [conversation, step, path, kafka, ours, ...more] = cells
    if (ours === undefined || more.length > 0)
      throw new Error(`DIFFERENCES.md:${index + 1}: a row has five columns`)
    if (conversation === 'Conversation') continue
    explanations.push({
      conversation: conversation!,
      step: step!,
      path: path!,
      kafka: kafka!,
      ours,
      reason,
      line: index + 1
    })
  }
  return explanations
}

export interface Judged {
  readonly explained: readonly Difference[]
  readonly unexplained: readonly Difference[]
}

/** Tells explained from unexplained differences, and remembers which explanations were needed. */
export class Explanations {
  readonly #explanations: readonly Explanation[]
  readonly #used = new Set<Explanation>()

  constructor(explanations: readonly Explanation[]) {
    this.#explanations = explanations
  }

  judge(conversation: string, differences: readonly Difference[]): Judged {
    const explained: Difference[] = []
    const unexplained: Difference[] = []
    for (const difference of differences) {
      const matching = this.#explanations.filter(each => explains(each, conversation, difference))
      for (const each of matching) this.#used.add(each)
      ;(matching.length > 0 ? explained : unexplained).push(difference)
    }
    return { explained, unexplained }
  }

  /** Rows that explain nothing (any more); to be asked when all conversations have been judged. */
  unused(): readonly Explanation[] {
    return this.#explanations.filter(each => !this.#used.has(each))
  }
}

function explains(explanation: Explanation, conversation: string, difference: Difference): boolean {
  return (
    matches(explanation.conversation, conversation) &&
    matches(explanation.step, difference.step) &&
    matches(explanation.path, difference.path) &&
    matches(explanation.kafka, jsonText(difference.kafka)) &&
    matches(explanation.ours, jsonText(difference.ours))
  )
}

function jsonText(value: Json | undefined): string {
  return value === undefined ? '(not there)' : JSON.stringify(value)
}

function matches(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  const parts = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text)
}
