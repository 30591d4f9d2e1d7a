import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { newMemberId } from '../../src/group/member-id.ts'

const random = Buffer.from('ffffffffffffffffffffffffffffffff', 'hex')

test('a member id is the client id and a random uuid of version 4', () => {
  expect(newMemberId('orders', random)).toBe('orders-ffffffff-ffff-4fff-bfff-ffffffffffff')
})

test('the random bytes are left as they are', () => {
  newMemberId('orders', random)
  expect(random.every(byte => byte === 0xff)).toBe(true)
})

test('a member id fits a string of the protocol, whatever the client calls itself', () => {
  const unit = fc.constantFrom('a', 'é', '日', '\u{1F600}')
  const clientId = fc
    .tuple(unit, unit, fc.nat(20_000))
    .map(([first, rest, count]) => first + rest.repeat(count))
  fc.assert(
    fc.property(clientId, name => {
      const memberId = newMemberId(name, random)
      const size = Buffer.byteLength(memberId)
      expect(size).toBeLessThanOrEqual(32_767)
      expect(Buffer.from(memberId).toString()).toBe(memberId)
    }),
    { numRuns: 30 }
  )
})
