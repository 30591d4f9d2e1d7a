/** An option of a script has a value that means nothing; the message says what it takes. */
export class WrongOption extends Error {}

/**
 * Runs a script, and answers a wrong command line with what is wrong and how the script is called.
 *
 * @param run throws WrongOption, or what `parseArgs` throws, before anything is done
 * @returns the exit code: that of `run`, or 2
 */
export async function answerWrongOptions(
  usage: string,
  run: () => Promise<number>
): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!isWrongOption(error)) throw error
    console.error(`${error.message}\n\n${usage}`)
    return 2
  }
}

function isWrongOption(error: unknown): error is Error {
  if (error instanceof WrongOption) return true
  return (
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}
