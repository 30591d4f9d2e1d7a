import type { LatencyHistogram } from './histogram.ts'
import { LoadConnection } from './connection.ts'

/**
 * A closed loop: every connection keeps `inFlight` requests under way and sends the next when one
 * is answered.
 */
export interface Load {
  readonly host: string
  readonly port: number
  readonly connections: number
  readonly inFlight: number
  /** Requests that are sent in all. */
  readonly requests: number
  /**
   * The request, length prefix included; may differ by connection and by its count on that
   * connection.
   */
  frame(connection: number, sent: number): Buffer
  /** Looks at an answer and throws when it is not a success. */
  check(head: Buffer, size: number): void
  readonly latencies: LatencyHistogram
}

export interface LoadResult {
  readonly elapsedMs: number
  readonly answeredSize: number
}

/** Runs a load to its end. Rejects on the first answer that is not a success. */
export async function runLoad(load: Load): Promise<LoadResult> {
  let sent = 0
  let answered = 0
  let answeredSize = 0
  const connections: LoadConnection[] = []
  let finish!: () => void
  let fail!: (error: unknown) => void
  const finished = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })

  const drive = async (index: number): Promise<() => void> => {
    const sentAtMs: number[] = []
    let sentHere = 0
    const sendNext = (): void => {
      if (sent === load.requests) return
      sent++
      sentAtMs.push(performance.now())
      connection.send(load.frame(index, sentHere++))
    }
    const connection = await LoadConnection.open(load.host, load.port, (size, head) => {
      load.latencies.recordMs(performance.now() - sentAtMs.shift()!)
      answered++
      answeredSize += size
      try {
        load.check(head, size)
      } catch (error) {
        fail(error)
      }
      if (answered === load.requests) finish()
      else sendNext()
    })
    connections.push(connection)
    return () => {
      for (let count = 0; count < load.inFlight; count++) sendNext()
    }
  }

  const starts = await Promise.all(
    Array.from({ length: load.connections }, (_, index) => drive(index))
  )
  const startedAtMs = performance.now()
  for (const start of starts) start()
  try {
    await finished
    return { elapsedMs: performance.now() - startedAtMs, answeredSize }
  } finally {
    for (const connection of connections) connection.close()
  }
}
