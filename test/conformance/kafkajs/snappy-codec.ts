import kafkajs from 'kafkajs'
import snappy from 'snappyjs'

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const xerialHeaderSize = xerialMagic.length + 8
const xerialBlockSize = 32 * 1024

/** Snappy as Java clients write it: a header, then blocks of 32 KiB, each after its size. */
export function xerialCompress(input: Buffer): Buffer {
  const header = Buffer.alloc(xerialHeaderSize)
  xerialMagic.copy(header)
  header.writeInt32BE(1, xerialMagic.length)
  header.writeInt32BE(1, xerialMagic.length + 4)
  const parts = [header]
  for (let start = 0; start < input.length; start += xerialBlockSize) {
    const block = Buffer.from(snappy.compress(input.subarray(start, start + xerialBlockSize)))
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    parts.push(size, block)
  }
  return Buffer.concat(parts)
}

/** Reads both forms that are met in Kafka: xerial blocks (Java) and one bare block (librdkafka). */
export function snappyDecompress(input: Buffer): Buffer {
  if (!input.subarray(0, xerialMagic.length).equals(xerialMagic)) {
    return Buffer.from(snappy.uncompress(input))
  }
  const parts: Buffer[] = []
  let position = xerialHeaderSize
  while (position < input.length) {
    const size = input.readInt32BE(position)
    position += 4
    parts.push(Buffer.from(snappy.uncompress(input.subarray(position, position + size))))
    position += size
  }
  return Buffer.concat(parts)
}

/** Teaches kafkajs the snappy codec; it has only gzip of its own. */
export function registerSnappyCodec(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = () => ({
    compress: async (encoder: { readonly buffer: Buffer }) => xerialCompress(encoder.buffer),
    decompress: async (buffer: Buffer) => snappyDecompress(buffer)
  })
}
