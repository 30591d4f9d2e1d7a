import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { frameGrowthFactor } from '../../src/limits.ts'
import { FrameSplitter } from '../../src/wire/frame.ts'
import { MalformedRequest } from '../../src/wire/malformed-request.ts'

function framed(...bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    bodies.flatMap(body => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(body.length)
      return [size, body]
    })
  )
}

function noFrame(): never {
  expect.unreachable('no frame is complete')
}

/**
 * Pushes the stream in pieces that end at the given places, each in a buffer that is overwritten
 * after.
 */
function split(stream: Buffer, cuts: readonly number[]): { frames: string[]; owned: boolean[] } {
  const splitter = new FrameSplitter(stream.length)
  const frames: string[] = []
  const kept: Array<{ buffer: Buffer; start: number; end: number }> = []
  const owned: boolean[] = []
  const ends = [...new Set(cuts.map(cut => cut % (stream.length + 1)))].sort((a, b) => a - b)
  let from = 0
  for (const to of [...ends, stream.length]) {
    const shared = Buffer.concat([Buffer.from('>>'), stream.subarray(from, to), Buffer.from('<<')])
    splitter.push(shared, 2, shared.length - 2, (buffer, start, end, isOwned) => {
      frames.push(buffer.toString('hex', start, end))
      owned.push(isOwned)
      if (isOwned) kept.push({ buffer, start, end })
    })
    shared.fill(0)
    from = to
  }
  expect(splitter.inFrame).toBe(false)
  expect(splitter.heldSize).toBe(0)
  const stillThere = kept.map(({ buffer, start, end }) => buffer.toString('hex', start, end))
  expect(stillThere).toEqual(frames.filter((_, index) => owned[index]))
  return { frames, owned }
}

test('however the stream is cut, the frames are the same', () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60, size: 'max' }), {
    minLength: 1,
    maxLength: 12
  })
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(), { maxLength: 30, size: 'max' }), (frames, cuts) => {
      const stream = framed(...frames)
      const expected = frames.map(frame => Buffer.from(frame).toString('hex'))
      expect(split(stream, cuts).frames).toEqual(expected)
      const everywhere = Array.from({ length: stream.length }, (_, index) => index)
      expect(split(stream, everywhere).frames).toEqual(expected)
    }),
    { numRuns: 60 }
  )
})

test('a frame that lies whole in the chunk is handed out in place', () => {
  expect(split(framed(Buffer.from('one'), Buffer.from('two')), [])).toEqual({
    frames: ['6f6e65', '74776f'],
    owned: [false, false]
  })
})

test('only a frame whose body is cut is gathered', () => {
  expect(split(framed(Buffer.from('one'), Buffer.from('two')), [2, 9]).owned).toEqual([
    false,
    false
  ])
  expect(split(framed(Buffer.from('one'), Buffer.from('two')), [12]).owned).toEqual([false, true])
})

test('the declared size is never allocated before its bytes arrive', () => {
  const size = 50_000_000
  const splitter = new FrameSplitter(size)
  const start = Buffer.alloc(4)
  start.writeInt32BE(size)
  splitter.push(start, 0, 4, noFrame)
  expect(splitter.heldSize).toBe(0)
  const piece = Buffer.alloc(1000)
  let arrived = 0
  for (let count = 0; count < 300; count++) {
    splitter.push(piece, 0, piece.length, noFrame)
    arrived += piece.length
    expect(splitter.heldSize).toBeLessThanOrEqual(frameGrowthFactor * arrived)
  }
})

test('a size that is not positive or above the bound ends the stream', () => {
  for (const hex of ['00000000', 'ffffffff', '80000000', '000003e9', '474554202f']) {
    const splitter = new FrameSplitter(1000)
    const bytes = Buffer.from(hex, 'hex')
    expect(() => splitter.push(bytes, 0, bytes.length, noFrame), hex).toThrow(MalformedRequest)
  }
})

test('the bound may be raised while the connection lives', () => {
  const frame = framed(Buffer.alloc(2000))
  const splitter = new FrameSplitter(1000)
  splitter.maxFrameSize = 2000
  let size = 0
  splitter.push(frame, 0, frame.length, (_, start, end) => {
    size = end - start
  })
  expect(size).toBe(2000)
})

test('a receiver that throws loses no byte of what follows', () => {
  const stream = framed(Buffer.from('one'), Buffer.from('two'))
  const splitter = new FrameSplitter(100)
  expect(() => {
    splitter.push(stream, 0, 7, () => {
      throw new Error('receiver')
    })
  }).toThrow('receiver')
  const frames: string[] = []
  splitter.push(stream, 7, stream.length, (buffer, start, end) => {
    frames.push(buffer.toString('utf8', start, end))
  })
  expect(frames).toEqual(['two'])
})
