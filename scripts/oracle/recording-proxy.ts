import { createConnection, createServer } from 'node:net'
import type { Socket } from 'node:net'

/** One frame without its length, header included, and the API it belongs to. */
export interface RecordedFrame {
  readonly direction: 'request' | 'response'
  readonly apiKey: number
  readonly apiVersion: number
  readonly hex: string
}

export interface RecordingProxy {
  /** Begins a new recording; everything that passes from now on is a candidate for it. */
  begin(): void
  /** Ends the recording and gives its frames, each request before its response. */
  end(): RecordedFrame[]
  close(): Promise<void>
}

/** Requests kept of one API in one version, in one recording. */
const keptPerApiVersion = 8
/** Frames above this size show nothing that a smaller one does not. */
const frameSizeMax = 24 * 1024
const recordingSizeMax = 190 * 1024

interface Pending {
  readonly apiKey: number
  readonly apiVersion: number
  readonly kept: RecordedFrame | null
}

/** Forwards bytes between clients and Kafka both ways and keeps the frames that are new to it. */
export async function startRecordingProxy(
  port: number,
  kafkaPort: number
): Promise<RecordingProxy> {
  const sockets = new Set<Socket>()
  let frames: RecordedFrame[] = []
  let seen = new Set<string>()
  let counts = new Map<string, number>()
  let size = 0

  const keepRequest = (apiKey: number, apiVersion: number, frame: Buffer): RecordedFrame | null => {
    const api = `${apiKey}/${apiVersion}`
    const count = counts.get(api) ?? 0
    const withoutCorrelationId = `${api}:${frame.subarray(8).toString('hex')}`
    if (count === keptPerApiVersion || seen.has(withoutCorrelationId)) return null
    if (frame.length > frameSizeMax || size + frame.length > recordingSizeMax) return null
    seen.add(withoutCorrelationId)
    counts.set(api, count + 1)
    size += frame.length
    const kept = { direction: 'request', apiKey, apiVersion, hex: frame.toString('hex') } as const
    frames.push(kept)
    return kept
  }
  const keepResponse = (request: Pending, frame: Buffer): void => {
    if (request.kept === null) return
    const at = frames.indexOf(request.kept)
    if (at < 0) return
    if (frame.length > frameSizeMax || size + frame.length > recordingSizeMax) {
      frames.splice(at, 1)
      return
    }
    size += frame.length
    const { apiKey, apiVersion } = request
    frames.splice(at + 1, 0, {
      direction: 'response',
      apiKey,
      apiVersion,
      hex: frame.toString('hex')
    })
  }

  const server = createServer(client => {
    const kafka = createConnection(kafkaPort, '127.0.0.1')
    const pending = new Map<number, Pending>()
    forward(client, kafka, frame => {
      const apiKey = frame.readInt16BE(0)
      const apiVersion = frame.readInt16BE(2)
      const kept = keepRequest(apiKey, apiVersion, frame)
      pending.set(frame.readInt32BE(4), { apiKey, apiVersion, kept })
    })
    forward(kafka, client, frame => {
      const request = pending.get(frame.readInt32BE(0))
      if (request !== undefined) keepResponse(request, frame)
      pending.delete(frame.readInt32BE(0))
    })
    for (const socket of [client, kafka]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    begin() {
      frames = []
      seen = new Set()
      counts = new Map()
      size = 0
    },
    end: () => frames,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    }
  }
}

function forward(from: Socket, to: Socket, onFrame: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0)
  from.on('data', chunk => {
    to.write(chunk)
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      onFrame(Buffer.from(rest.subarray(4, end)))
      rest = rest.subarray(end)
    }
  })
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroy())
  from.on('end', () => to.end())
}
