/** A sealed segment that can be scrubbed. */
export interface ScrubCandidate {
  /** Names the segment: its folder and its base offset. */
  readonly key: string
  /** Wall time, ms. */
  readonly createdMs: number
}

export interface ScrubPlan<T extends ScrubCandidate> {
  /** Those that are due, the one that waits longest first. */
  readonly due: readonly T[]
  /** When the next one will be due if all of these are done, wall ms; Infinity when none will. */
  readonly nextDueMs: number
}

/**
 * Which segments are due for a scrub. One that was never looked at is due one interval after it was
 * created, since its bytes were right when they were written. A time in the future is not believed.
 *
 * @param scrubbedMs when each was last looked at, wall ms
 */
export function planScrub<T extends ScrubCandidate>(
  candidates: Iterable<T>,
  scrubbedMs: ReadonlyMap<string, number>,
  intervalMs: number,
  wallMs: number
): ScrubPlan<T> {
  const due: { readonly candidate: T; readonly lastMs: number }[] = []
  let nextDueMs = Infinity
  for (const candidate of candidates) {
    const lastMs = lastLook(candidate, scrubbedMs.get(candidate.key), wallMs)
    if (lastMs + intervalMs <= wallMs) due.push({ candidate, lastMs })
    else nextDueMs = Math.min(nextDueMs, lastMs + intervalMs)
  }
  due.sort((a, b) => a.lastMs - b.lastMs)
  return { due: due.map(({ candidate }) => candidate), nextDueMs }
}

function lastLook(
  { createdMs }: ScrubCandidate,
  scrubbedMs: number | undefined,
  wallMs: number
): number {
  const lastMs = Math.max(createdMs, scrubbedMs ?? 0)
  if (lastMs <= wallMs) return lastMs
  return scrubbedMs !== undefined && scrubbedMs <= wallMs ? scrubbedMs : 0
}
