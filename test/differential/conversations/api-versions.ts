import type { Conversation } from '../talk.ts'
import { versions } from '../versions.ts'

/** A request header v1 for ApiVersions, without client id. */
function header(version: number, apiKey = 18): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(apiKey, 0)
  bytes.writeInt16BE(version, 2)
  bytes.writeInt32BE(7, 4)
  bytes.writeInt16BE(-1, 8)
  return bytes
}

export const apiVersions: Conversation = {
  name: 'api-versions',
  async run(talk) {
    const client = talk.connect()
    const software = { clientSoftwareName: 'differential', clientSoftwareVersion: '1.0' }
    for (const version of versions('ApiVersions'))
      await client.ask(
        'ApiVersions',
        version,
        version < 3 ? { clientSoftwareName: '', clientSoftwareVersion: '' } : software
      )
    await client.ask('ApiVersions', 3, software, 'asked again on the same connection')
    for (const name of ['', '-', 'a b', '-a', 'a-', 'a', 'a.b-c', 'ä', 'a_b']) {
      for (const version of [3, 4]) {
        const asked = { clientSoftwareName: name, clientSoftwareVersion: '1' }
        await client.ask('ApiVersions', version, asked, `software '${name}'`)
      }
      const asked = { clientSoftwareName: 'a', clientSoftwareVersion: name }
      await client.ask('ApiVersions', 3, asked, `software version '${name}'`)
    }
    // KIP-511: what is not known is answered in version 0.
    for (const version of [6, 100, 32_767, -1]) {
      const frame = Buffer.concat([header(version), Buffer.from([0, 1, 2, 3])])
      await client.raw(`ApiVersions v${version}, which nobody knows`, frame, ['ApiVersions', 0])
    }
    const short = Buffer.concat([header(3), Buffer.from([0])])
    await client.raw('ApiVersions v3 without a body', short, ['ApiVersions', 3])
    const long = Buffer.concat([header(0), Buffer.alloc(3)])
    await client.raw('ApiVersions v0 with bytes behind it', long, ['ApiVersions', 0])
    await client.raw('an API key that is none', header(0, 999))
    await client.raw('an API key below zero', header(0, -1))
    await client.raw('half a header', header(0).subarray(0, 8))
  }
}
