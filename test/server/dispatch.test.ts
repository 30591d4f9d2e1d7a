import { expect, test } from 'vitest'
import type { Handler } from '../../src/handlers/handler.ts'
import { Dispatch } from '../../src/server/dispatch.ts'
import type { Origin } from '../../src/server/exchange.ts'
import { apis } from '../../src/wire/generated/api-table.ts'
import { encodeRequest } from '../../src/wire/header.ts'
import { MalformedRequest } from '../../src/wire/malformed-request.ts'

const initProducerId: Handler<'InitProducerId'> = () => ({
  errorCode: 0,
  producerId: 1,
  producerEpoch: 0
})
const dispatch = new Dispatch({ InitProducerId: initProducerId })
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing of it is looked at
const nobody = { services: {} } as unknown as Origin

/** An InitProducerId request without its length prefix. */
function requestOf(version: number): Buffer {
  const request = { transactionalId: null, transactionTimeoutMs: 1, producerId: -1 }
  const init = { ...request, producerEpoch: -1 }
  return Buffer.concat(encodeRequest('InitProducerId', version, 7, 'test', init)).subarray(4)
}

test('a version that the codec knows and ApiVersions does not offer is refused', () => {
  const { advertised, maxVersion } = apis.InitProducerId
  expect(maxVersion).toBeGreaterThan(advertised!.max)
  const offered = requestOf(advertised!.max)
  expect(dispatch.open(offered, 0, offered.length, nobody).isAnswered).toBe(false)
  const unstable = requestOf(maxVersion)
  expect(() => dispatch.open(unstable, 0, unstable.length, nobody)).toThrow(MalformedRequest)
})
