import { apiByKey, type ApiName } from '../../src/wire/generated/api-table.ts'

type Fields = Readonly<Record<string, unknown>>

/** Answers whose order means something, and is left as it is. */
const orderMatters: ReadonlySet<ApiName> = new Set(['DescribeTopicPartitions'])

/** Answers that may tell of everything there is, so of other conversations' topics and groups as well. */
const tellsOfAll: ReadonlySet<ApiName> = new Set([
  'Metadata',
  'ListGroups',
  'DescribeLogDirs',
  'DescribeTopicPartitions',
  'ListConfigResources',
  'ListPartitionReassignments',
  'ElectLeaders'
])

const nameFields = ['name', 'topic', 'topicId', 'groupId', 'resourceName', 'key'] as const
const indexFields = ['partitionIndex', 'index', 'partition', 'partitionId', 'brokerId'] as const

/**
 * An answer without the order that hash maps gave it: named things in the order of the request,
 * partitions by number, members by id, configs and versions by name.
 *
 * @param namePrefix what is named otherwise belongs to others and is left out
 */
export function inOrder(
  api: ApiName,
  request: unknown,
  response: unknown,
  namePrefix: string
): unknown {
  const asked = [...stringsIn(request)]
  const isOurs = (name: unknown): boolean =>
    typeof name !== 'string' ||
    name.startsWith(namePrefix) ||
    asked.includes(name) ||
    /^\d*$/.test(name)
  const rank = (name: string): number => {
    const position = asked.indexOf(name)
    return position < 0 ? asked.length : position
  }

  function arrange(value: unknown, field: string): unknown {
    if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value
    if (!Array.isArray(value))
      return Object.fromEntries(
        Object.entries(value as Fields).map(([name, each]) => [name, arrange(each, name)])
      )
    const elements: unknown[] = value.filter(
      each => !tellsOfAll.has(api) || !isFields(each) || isOurs(nameOf(each))
    )
    if (elements.every(isFields)) {
      if (field === 'configs') return configsByName(elements)
      if (field === 'apiKeys') return versionsByApi(elements)
      if (/Features$/.test(field)) return byName(elements)
      if (!orderMatters.has(api)) elements.sort((a, b) => compare(a as Fields, b as Fields))
    }
    return elements.map(each => arrange(each, field))
  }

  function compare(a: Fields, b: Fields): number {
    const [nameA, nameB] = [nameOf(a), nameOf(b)]
    if (nameA !== null && nameB !== null && nameA !== nameB)
      return rank(nameA) - rank(nameB) || (nameA < nameB ? -1 : 1)
    if (api !== 'LeaveGroup' && typeof a.memberId === 'string' && typeof b.memberId === 'string')
      return a.memberId < b.memberId ? -1 : 1
    return indexOf(a) - indexOf(b)
  }

  return arrange(response, '')
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value)
}

/** What an element of an answer is about; a field that is empty in this version is not it. */
function nameOf(element: Fields): string | null {
  for (const field of nameFields) {
    const value = element[field]
    if (typeof value === 'string' && value !== '') return value
  }
  return null
}

function indexOf(element: Fields): number {
  for (const field of indexFields) {
    const value = element[field]
    if (typeof value === 'number') return value
  }
  return 0
}

function* stringsIn(value: unknown): Iterable<string> {
  if (typeof value === 'string') yield value
  else if (Array.isArray(value)) for (const each of value) yield* stringsIn(each)
  else if (isFields(value)) for (const each of Object.values(value)) yield* stringsIn(each)
}

function byName(elements: readonly Fields[]): Fields {
  return Object.fromEntries(elements.map(({ name, ...rest }) => [name, rest]))
}

function configsByName(configs: readonly Fields[]): Fields {
  const sorted = configs.toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1))
  return Object.fromEntries(
    sorted.map(({ name, synonyms, ...rest }) => [
      name,
      Array.isArray(synonyms)
        ? { ...rest, synonyms: (synonyms as Fields[]).map(each => Object.values(each).join(' ')) }
        : rest
    ])
  )
}

function versionsByApi(apiKeys: readonly Fields[]): Fields {
  return Object.fromEntries(
    apiKeys
      .toSorted((a, b) => Number(a.apiKey) - Number(b.apiKey))
      .map(({ apiKey, minVersion, maxVersion }) => [
        apiByKey.get(Number(apiKey)) ?? `key ${String(apiKey)}`,
        `${String(minVersion)}-${String(maxVersion)}`
      ])
  )
}
