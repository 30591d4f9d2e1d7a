/** Randomness as the broker sees it: ids only, never secrets. */
export interface Random {
  /** `size` random bytes in a buffer of the caller's own. */
  bytes(size: number): Buffer
}
