import type { BatchFault } from '../../storage/local/batch-walk.ts'

/**
 * How bad a finding is. `damage`: records, or what is known of them, are not as they were written.
 * `derived`: a file that the broker makes anew from the batches by itself. `note`: nothing that was
 * promised is missing.
 */
export type Severity = 'damage' | 'derived' | 'note'

/** Something that `odradek log verify` has to say of a file. Ends of ranges are exclusive. */
export interface Finding {
  readonly severity: Severity
  readonly file: string
  /** A word for programs. */
  readonly fault: string
  readonly fromOffset: number | null
  readonly toOffset: number | null
  readonly fromPosition: number | null
  readonly toPosition: number | null
  /** A sentence for people. */
  readonly meaning: string
}

export const faultMeanings: Readonly<Record<BatchFault, string>> = {
  CUT: 'the file ends in the middle of a batch',
  MISSING: 'these records are in no file',
  SIZE: 'no batch can be as small as the header says',
  MAGIC: 'no batch of format 2 begins here',
  OFFSET_DELTA: 'the last offset of the batch is before its first',
  BASE_OFFSET: 'the batch does not begin at the offset that is due here',
  LEADER_EPOCH: 'the batch claims a leader epoch that did not write this offset',
  CRC: 'the bytes are not those that were written',
  UNREADABLE: 'the disk does not give the bytes back'
}

/** A finding about a whole file. */
export function fileFinding(
  severity: Severity,
  file: string,
  fault: string,
  meaning: string
): Finding {
  return {
    severity,
    file,
    fault,
    fromOffset: null,
    toOffset: null,
    fromPosition: null,
    toPosition: null,
    meaning
  }
}
