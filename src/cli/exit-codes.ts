/**
 * How the command ends; also in the README. A second signal ends it with 128 + the signal's number.
 */
export const exitCodes = {
  /**
   * It was stopped, and everything that was acknowledged is on disk; of `odradek log`: all is well.
   */
  stopped: 0,
  /** A bug, or a disk that failed: the log says which. */
  failed: 1,
  /** An option or a config is wrong. */
  usage: 2,
  /** The address is in use, not permitted, or not of this machine. */
  address: 3,
  /** The data directory is in use, cannot be read or written, or is not ours. */
  dataDirectory: 4,
  /** `odradek log` found something that is not as it was written. */
  damaged: 5
} as const
