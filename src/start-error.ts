/**
 * Why a broker did not start.
 *
 * - `INVALID_OPTION`, `INVALID_CONFIG`: an option, or a Kafka config, is wrong.
 * - `PORT_IN_USE`, `PORT_NOT_PERMITTED`, `ADDRESS_NOT_AVAILABLE`, `LISTEN_FAILED`: it cannot listen
 *   there.
 * - `LOCKED`: another broker uses the data directory.
 * - `UNREADABLE`, `NOT_A_DIRECTORY`: the system refuses access to the data directory.
 * - `FOREIGN`, `NEWER_FORMAT`: the data directory is not ours, or was written by a newer version.
 * - `CORRUPT`: what the data directory holds contradicts itself.
 */
export type StartErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_CONFIG'
  | 'PORT_IN_USE'
  | 'PORT_NOT_PERMITTED'
  | 'ADDRESS_NOT_AVAILABLE'
  | 'LISTEN_FAILED'
  | 'LOCKED'
  | 'UNREADABLE'
  | 'NOT_A_DIRECTORY'
  | 'FOREIGN'
  | 'NEWER_FORMAT'
  | 'CORRUPT'

/** The broker did not start; `message` is a sentence for people, `code` is for programs. */
export class StartError extends Error {
  readonly code: StartErrorCode

  constructor(code: StartErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
    this.code = code
  }
}
