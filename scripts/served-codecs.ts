import type { Rolldown } from 'tsdown'

/**
 * Leaves out of a bundle what only clients need: the table of APIs refers to every codec, so
 * without this none could be dropped. A third of the command would otherwise be read and parsed at
 * every start for nothing.
 */
export function servedCodecsOnly(): Rolldown.Plugin {
  return {
    name: 'served-codecs-only',
    transform(code, id) {
      if (!id.endsWith('/src/wire/generated/api-table.ts')) return null
      return code.replaceAll(entry, withoutUnserved)
    }
  }
}

/** One API of the table, as the emitter writes it. */
const entry = /^ {2}\w+: \{\n {4}key: .*?^ {2}\}/gms
const clientCodec = /^ {4}(writeRequest|readResponse): \w+,?\n/gm
const anyCodec = /^ {4}(read|write)(Request|Response): \w+,?\n/gm

function withoutUnserved(text: string): string {
  const isServed = !text.includes('advertised: null')
  const shorter = text.replaceAll(isServed ? clientCodec : anyCodec, '')
  if (shorter === text) throw new Error('the table of APIs is written in another way now')
  return shorter
}
