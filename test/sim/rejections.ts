/** Does the work; a promise that fails and that nobody looks at is a failure: it ends a broker. */
export async function heedingRejections<T>(work: () => Promise<T>): Promise<T> {
  const rejections: unknown[] = []
  const note = (error: unknown): void => void rejections.push(error)
  process.on('unhandledRejection', note)
  try {
    const result = await work()
    // They are told of when the turn is over.
    await new Promise(resolve => setImmediate(resolve))
    if (rejections.length > 0) throw new Error(`unhandled rejection: ${String(rejections[0])}`)
    return result
  } finally {
    process.off('unhandledRejection', note)
  }
}
