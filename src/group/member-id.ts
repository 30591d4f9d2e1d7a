import { memberIdPrefixLengthMax } from '../limits.ts'

/**
 * The id of a new member, as in Kafka: its instance id or client id, a dash, and a random uuid.
 *
 * @param random sixteen random bytes, which become the uuid (version 4)
 */
export function newMemberId(prefix: string, random: Buffer): string {
  const bytes = Buffer.from(random)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  const uuid = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20)
  ].join('-')
  return `${shortened(prefix)}-${uuid}`
}

/** A client id may be as long as a string can be; its member id needs room for the uuid. */
function shortened(prefix: string): string {
  const cut = prefix.slice(0, memberIdPrefixLengthMax)
  const last = cut.charCodeAt(cut.length - 1)
  const splitsPair = cut.length < prefix.length && last >= 0xd800 && last <= 0xdbff
  return splitsPair ? cut.slice(0, -1) : cut
}
