/**
 * Aborts when the process is told to end (SIGINT, SIGTERM, SIGHUP), and keeps it from ending by
 * itself then: what it has started is ended first. A shell and its child often get the same signal
 * twice; the second one changes nothing.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => controller.abort(new Error(`interrupted by ${name}`)))
  return controller.signal
}
