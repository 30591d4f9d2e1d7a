/** What a broker did that it promised never to do. */
export type ViolationKind =
  | 'lost'
  | 'duplicated'
  | 'reordered'
  | 'foreign'
  | 'returned'
  | 'forgotten'
  | 'wrong answer'
  | 'no start'
  | 'stuck'
  | 'damaged'
  | 'failed'

/** Thrown by every check of the simulation. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly kind: ViolationKind

  constructor(kind: ViolationKind, message: string) {
    super(`${kind}: ${message}`)
    this.kind = kind
  }
}

/** @throws Violation */
export function demand(condition: boolean, kind: ViolationKind, message: () => string): void {
  if (!condition) throw new Violation(kind, message())
}
