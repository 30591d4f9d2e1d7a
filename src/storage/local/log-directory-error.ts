export type LogDirectoryErrorCode =
  'LOCKED' | 'UNREADABLE' | 'FOREIGN' | 'NEWER_FORMAT' | 'NOT_A_DIRECTORY'

/** Why a log directory, or a log in it, is not opened; the message says what to do. */
export class LogDirectoryError extends Error {
  readonly code: LogDirectoryErrorCode

  constructor(code: LogDirectoryErrorCode, message: string) {
    super(message)
    this.name = 'LogDirectoryError'
    this.code = code
  }
}
