import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Json, Transcript } from './transcript.ts'

const goldenFolder = fileURLToPath(new URL('../golden', import.meta.url))

/** The release of Apache Kafka whose answers are the recorded ones. */
export const recordedKafkaVersion = '4.4.0'

function folderOf(kafkaVersion: string): string {
  return `${goldenFolder}/kafka-${kafkaVersion}`
}

/**
 * Writes what Kafka answered, one step a line, in the order of the conversation. An answer that an
 * earlier step got as well is `{ sameAs: <that step> }`.
 */
export function writeGolden(
  kafkaVersion: string,
  conversation: string,
  transcript: Transcript
): void {
  mkdirSync(folderOf(kafkaVersion), { recursive: true })
  const firstWith = new Map<string, string>()
  const lines = [...transcript].map(([step, answer]) => {
    const text = JSON.stringify(answer)
    const first = firstWith.get(text)
    if (first === undefined) firstWith.set(text, step)
    const isShort = first === undefined || text.length < first.length + 20
    return `${JSON.stringify(step)}:${isShort ? text : JSON.stringify({ sameAs: first })}`
  })
  const path = `${folderOf(kafkaVersion)}/${conversation}.json`
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`)
}

/** What Kafka answered when it was recorded; null when it was not. */
export function readGolden(kafkaVersion: string, conversation: string): Transcript | null {
  const path = `${folderOf(kafkaVersion)}/${conversation}.json`
  if (!existsSync(path)) return null
  const steps: Record<string, Json> = JSON.parse(readFileSync(path, 'utf8'))
  return new Map(
    Object.entries(steps).map(([step, answer]) => [
      step,
      isSameAs(answer) ? steps[answer.sameAs]! : answer
    ])
  )
}

/** Names of the conversations that are recorded. */
export function recordedConversations(kafkaVersion: string): readonly string[] {
  return readdirSync(folderOf(kafkaVersion))
    .filter(file => file.endsWith('.json'))
    .map(file => file.replace(/\.json$/, ''))
}

function isSameAs(answer: Json): answer is { sameAs: string } {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    !Array.isArray(answer) &&
    typeof answer.sameAs === 'string'
  )
}
