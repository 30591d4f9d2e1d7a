/** The socket of one client, as the connection above it sees it. `listener.ts` has the real one. */
export interface ClientSocket {
  /** Address of the client as text; IPv4 in its short form. */
  readonly remoteAddress: string
  readonly remotePort: number
  /**
   * Sends `pieces`, one after the other, in one system call where possible. `onWritten` is called
   * once: when the system has taken them, which may be before the call returns, or when it never
   * will.
   */
  write(pieces: readonly Uint8Array[], onWritten: () => void): void
  /** Bytes handed to `write` that the system has not taken: does it fall, the client reads. */
  unsentSize(): number
  pauseReading(): void
  resumeReading(): void
  /** From now on the process does not end while the socket is open. */
  keepProcessAlive(): void
  /** Sends what was written, then closes. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

/** What a socket tells the connection above it. */
export interface SocketEvents {
  /** Bytes arrived in `bytes` up to `end`. They are valid only until the call returns. */
  onBytes(bytes: Buffer, end: number): void
  /** The client will send nothing more. */
  onEnd(): void
  /**
   * The socket is gone; nothing is called after this. `error` is what broke it, if anything did.
   */
  onClose(error: Error | null): void
}
