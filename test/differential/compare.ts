import { isNotThereYet } from './not-there-yet.ts'
import type { Json, Transcript } from './transcript.ts'

/** One place where two brokers answered a step differently. */
export interface Difference {
  readonly step: string
  /** `topics[0].errorCode`; empty for the whole step. */
  readonly path: string
  /** Undefined: it has none. */
  readonly kafka: Json | undefined
  readonly ours: Json | undefined
}

/** Every place where our transcript is not Kafka's, in Kafka's order. */
export function compareTranscripts(kafka: Transcript, ours: Transcript): readonly Difference[] {
  const differences: Difference[] = []
  const steps = new Set([...kafka.keys(), ...ours.keys()])
  for (const step of steps) compare(step, '', kafka.get(step), ours.get(step), differences)
  return differences
}

function compare(
  step: string,
  path: string,
  kafka: Json | undefined,
  ours: Json | undefined,
  differences: Difference[]
): void {
  if (Array.isArray(kafka) && Array.isArray(ours)) {
    for (let index = 0; index < Math.max(kafka.length, ours.length); index++)
      compare(step, `${path}[${index}]`, kafka[index], ours[index], differences)
  } else if (isFields(kafka) && isFields(ours) && 'outcome' in kafka === 'outcome' in ours) {
    if (onlyOneRefuses(kafka, ours))
      differences.push({
        step,
        path: joined(path, 'errorCode'),
        kafka: kafka.errorCode,
        ours: ours.errorCode
      })
    else if (saysMore(kafka, ours))
      compare(step, path, { ...kafka, errorMessage: ours.errorMessage! }, ours, differences)
    else
      for (const name of new Set([...Object.keys(kafka), ...Object.keys(ours)]))
        if (ours[name] !== undefined || !isNotThereYet(lastField(path), name))
          compare(step, joined(path, name), kafka[name], ours[name], differences)
  } else if (kafka !== ours) {
    differences.push({ step, path, kafka, ours })
  }
}

/** Where one has an error and the other has none, the fields beside it follow from that. */
function onlyOneRefuses(kafka: Fields, ours: Fields): boolean {
  if (typeof kafka.errorCode !== 'string' || typeof ours.errorCode !== 'string') return false
  return kafka.errorCode !== ours.errorCode && [kafka.errorCode, ours.errorCode].includes('NONE')
}

/** Where both refuse and Kafka does not say why, odradek may; people alone read it. */
function saysMore(kafka: Fields, ours: Fields): boolean {
  return (
    (kafka.errorMessage === null || kafka.errorMessage === '') &&
    typeof ours.errorMessage === 'string' &&
    ours.errorMessage !== '' &&
    kafka.errorCode !== 'NONE' &&
    kafka.errorCode === ours.errorCode
  )
}

type Fields = { [name: string]: Json }

function isFields(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function lastField(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

function joined(path: string, name: string): string {
  if (!/^\w+$/.test(name)) return `${path}["${name}"]`
  return path === '' ? name : `${path}.${name}`
}

/** Differences as a person reads them: those that several steps share stand together. */
export function describeDifferences(
  conversation: string,
  differences: readonly Difference[]
): string {
  const groups = new Map<string, string[]>()
  for (const { step, path, kafka, ours } of differences) {
    const key = `${path}\n    Kafka:   ${shown(kafka)}\n    odradek: ${shown(ours)}`
    groups.set(key, [...(groups.get(key) ?? []), step])
  }
  return [...groups]
    .map(([key, steps]) => `${conversation} | ${stepsShown(steps)} | ${key}`)
    .join('\n')
}

const stepsShownMax = 3

function stepsShown(steps: readonly string[]): string {
  const names = new Map<string, string[]>()
  for (const step of steps) {
    const [, before = step, version = '', after = ''] = /^(\w+ )(v\d+)(.*)$/.exec(step) ?? []
    const key = `${before}\0${after}`
    names.set(key, [...(names.get(key) ?? []), version])
  }
  const shownNames = [...names]
    .slice(0, stepsShownMax)
    .map(([key, versions]) => key.replace('\0', versions.join(' ')))
  const more = names.size > stepsShownMax ? ` and ${names.size - stepsShownMax} more` : ''
  return `${shownNames.join('; ')}${more}`
}

function shown(value: Json | undefined): string {
  if (value === undefined) return '(not there)'
  const text = JSON.stringify(value)
  return text.length > 400 ? `${text.slice(0, 400)}…` : text
}
