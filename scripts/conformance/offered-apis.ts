import { connect } from 'node:net'
import { apis } from '../../src/wire/generated/api-table.ts'

/**
 * Asks a broker which APIs it offers, with ApiVersions v0: programs must be able to tell what the
 * broker lacks from what fails.
 *
 * @returns the names of the APIs, as in `protocol/apis`
 */
export async function offeredApis(bootstrapServers: string): Promise<readonly string[]> {
  const [host, port] = bootstrapServers.split(':')
  // Size, key 18, version 0, correlation id 0, no client id.
  const request = Buffer.from('0000000a0012000000000000ffff', 'hex')
  const answer = await exchange(host!, Number(port), request)
  const names = new Map<number, string>(Object.values(apis).map(({ key, name }) => [key, name]))
  const count = answer.readInt32BE(10)
  const keys = Array.from({ length: count }, (_, index) => answer.readInt16BE(14 + 6 * index))
  return keys.flatMap(key => names.get(key) ?? [])
}

/** Sends one request and resolves with the frame of its answer, size included. */
function exchange(host: string, port: number, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(request))
    let received = Buffer.alloc(0)
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      socket.destroy()
      resolve(received)
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the broker closed the connection')))
  })
}
