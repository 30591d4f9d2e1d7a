import type { Finding, Severity } from './findings.ts'
import { toJson } from './views.ts'
import { counted } from './counted.ts'
import type { VerifyTotals } from './verify.ts'

/** Prints findings as they come, and at the end one line of figures. */
export class VerifyReport {
  readonly #write: (text: string) => void
  readonly #isJson: boolean
  readonly #counts: { [severity in Severity]: number } = { damage: 0, derived: 0, note: 0 }

  constructor(write: (text: string) => void, isJson: boolean) {
    this.#write = write
    this.#isJson = isJson
  }

  /** Whether everything is as it was written. */
  get isSound(): boolean {
    return this.#counts.damage === 0 && this.#counts.derived === 0
  }

  finding(finding: Finding): void {
    this.#counts[finding.severity]++
    this.#write(this.#isJson ? `${toJson(finding)}\n` : `${findingText(finding)}\n`)
  }

  end(totals: VerifyTotals): void {
    const { damage, derived, note } = this.#counts
    if (this.#isJson) {
      this.#write(`${toJson({ ...totals, damage, derived, notes: note })}\n`)
      return
    }
    const { partitions, segments, batches, records, bytes } = totals
    const seen = [
      counted(partitions, 'partition'),
      counted(segments, 'segment'),
      counted(batches, 'batch'),
      counted(records, 'record'),
      counted(bytes, 'byte')
    ]
    const verdict = this.isSound ? 'sound' : `${damage} damaged, ${derived} to be made anew`
    const notes = note === 0 ? '' : `, ${counted(note, 'note')}`
    this.#write(`${seen.join(', ')}: ${verdict}${notes}\n`)
  }
}

function findingText(finding: Finding): string {
  const { severity, file, fault, fromOffset, toOffset, fromPosition, toPosition } = finding
  const offsets =
    fromOffset === null
      ? ''
      : `, offsets ${fromOffset} to ${toOffset === null ? 'an unknown one' : toOffset - 1}`
  const bytes = fromPosition === null ? '' : `, bytes ${fromPosition} to ${toPosition}`
  return `${severity} ${fault}: ${file}${offsets}${bytes}\n  ${finding.meaning}`
}
