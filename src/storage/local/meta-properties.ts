import { textChecksum } from './checkpoint.ts'

/** Raised when an older version could not read the directory any more. */
export const logDirectoryFormatVersion = 1

/**
 * What `meta.properties` says of a log directory: Kafka's keys, and a format version and checksum
 * of ours.
 */
export interface MetaProperties {
  readonly clusterId: string
  readonly nodeId: number
  readonly formatVersion: number
}

export type MetaPropertiesFault = 'newer' | 'foreign' | 'damaged'

export function formatMetaProperties(properties: MetaProperties): string {
  const text = [
    'version=1',
    `cluster.id=${properties.clusterId}`,
    `node.id=${properties.nodeId}`,
    `odradek.format.version=${properties.formatVersion}`,
    ''
  ].join('\n')
  return `${text}odradek.crc32c=${textChecksum(text)}\n`
}

/**
 * @returns 'newer' when a newer version wrote it, 'foreign' when another program wrote it (Apache
 *   Kafka has such a file, too), 'damaged' when it is ours and its checksum does not hold
 */
export function parseMetaProperties(text: string): MetaProperties | MetaPropertiesFault {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1))
  }
  const formatVersion = Number(values.get('odradek.format.version') ?? 'none')
  if (!Number.isSafeInteger(formatVersion)) {
    return text.includes('odradek') ? 'damaged' : 'foreign'
  }
  if (formatVersion > logDirectoryFormatVersion) return 'newer'
  const checked = text.slice(0, text.indexOf('odradek.crc32c='))
  if (values.get('odradek.crc32c') !== textChecksum(checked)) return 'damaged'
  const clusterId = values.get('cluster.id')
  const nodeId = Number(values.get('node.id'))
  if (clusterId === undefined || !Number.isSafeInteger(nodeId)) return 'damaged'
  return { clusterId, nodeId, formatVersion }
}
