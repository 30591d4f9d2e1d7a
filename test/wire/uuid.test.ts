import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readUuid, writeUuid, zeroUuid } from '../../src/wire/uuid.ts'

test('sixteen zero bytes are the id that stands for none', () => {
  expect(readUuid(Buffer.alloc(20), 2)).toBe(zeroUuid)
  const bytes = Buffer.alloc(18, 0xff)
  writeUuid(bytes, 1, zeroUuid)
  expect(bytes.toString('hex')).toBe(`ff${'00'.repeat(16)}ff`)
})

test('an id reads as the base64url that Kafka prints', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), bytes => {
      const id = readUuid(Buffer.from(bytes), 0)
      expect(id).toBe(Buffer.from(bytes).toString('base64url'))
      const back = Buffer.alloc(16)
      writeUuid(back, 0, id)
      expect(back.equals(bytes)).toBe(true)
    })
  )
})
