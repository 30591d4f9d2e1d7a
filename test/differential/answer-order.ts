import { apiByKey, type ApiName } from '../../src/wire/generated/api-table.ts'
import type { Topic } from './talk.ts'

type Fields = Readonly<Record<string, unknown>>

/** Answers whose order means something, and is left as it is. */
const orderMatters: ReadonlySet<ApiName> = new Set(['DescribeTopicPartitions'])

/** Answers that may tell of everything there is, of other conversations' topics and groups too. */
const tellsOfAll: ReadonlySet<ApiName> = new Set([
  'Metadata',
  'ListGroups',
  'DescribeLogDirs',
  'DescribeTopicPartitions',
  'ListConfigResources',
  'ListPartitionReassignments',
  'ElectLeaders'
])

/** Answers that hold sets, whose elements have no name of their own. */
const setsOf: ReadonlySet<ApiName> = new Set([
  'DescribeAcls',
  'DeleteAcls',
  'AlterClientQuotas',
  'DescribeClientQuotas',
  'ConsumerGroupHeartbeat',
  'ConsumerGroupDescribe',
  'ShareGroupHeartbeat',
  'ShareGroupDescribe',
  'StreamsGroupHeartbeat',
  'StreamsGroupDescribe'
])

const nameFields = [
  'name',
  'topic',
  'topicId',
  'groupId',
  'resourceName',
  'key',
  'user',
  'transactionalId',
  'feature'
] as const
const indexFields = [
  'partitionIndex',
  'index',
  'partition',
  'partitionId',
  'brokerId',
  'nodeId'
] as const

/**
 * An answer without the order that hash maps gave it: named things in the order of the request,
 * partitions by number, members by id, configs and versions by name.
 *
 * @param namePrefix what is named otherwise belongs to others and is left out
 * @param topics whose ids are known: they are ordered by their names
 */
export function inOrder(
  api: ApiName,
  request: unknown,
  response: unknown,
  { namePrefix, topics }: { readonly namePrefix: string; readonly topics: readonly Topic[] }
): unknown {
  const asked = [...stringsIn(request)]
  const isOurs = (name: unknown): boolean =>
    typeof name !== 'string' ||
    name.startsWith(namePrefix) ||
    asked.includes(name) ||
    /^\d*$/.test(name)
  const named = (name: string): string =>
    topics.find(({ topicId }) => topicId === name)?.name ?? name
  const rank = (name: string): number => {
    const position = asked.indexOf(name)
    return position < 0 ? asked.length : position
  }

  function arrange(value: unknown, field: string): unknown {
    if (Array.isArray(value)) return arrangeAll(value, field)
    if (!isFields(value)) return value
    if (field === 'nextCursor' && !isOurs(value.topicName)) return null
    const fields = Object.entries(value).map(([name, each]) => [name, arrange(each, name)])
    return Object.fromEntries(fields)
  }

  function arrangeAll(array: readonly unknown[], field: string): unknown {
    const elements = array.filter(
      each => !tellsOfAll.has(api) || !isFields(each) || isOurs(nameOf(each))
    )
    if (field === 'isrNodes' || field === 'offlineReplicas')
      return elements.toSorted((a, b) => Number(a) - Number(b))
    if (elements.every(isFields)) {
      if (field === 'configs') return configsByName(elements)
      if (field === 'apiKeys') return versionsByApi(elements)
      if (field.endsWith('Features')) return byName(elements)
      if (api === 'Fetch' && field === 'responses') return arrangeTopics(elements)
      if (setsOf.has(api)) elements.sort(compareTexts)
      if (!orderMatters.has(api)) elements.sort(compare)
    }
    return elements.map(each => arrange(each, field))
  }

  /** A topic that has several entries has the same partitions as if it had one. */
  function arrangeTopics(topics: readonly Fields[]): unknown[] {
    const merged = new Map<unknown, Fields>()
    for (const topic of topics) {
      const key = nameOf(topic)
      const before = merged.get(key)
      const partitions = [before?.partitions ?? [], topic.partitions ?? []].flat()
      merged.set(key, { ...topic, partitions })
    }
    return [...merged.values()].toSorted(compare).map(each => arrange(each, 'responses'))
  }

  function compare(a: Fields, b: Fields): number {
    const [nameA, nameB] = [nameOf(a), nameOf(b)]
    if (nameA !== null && nameB !== null && nameA !== nameB)
      return rank(nameA) - rank(nameB) || (named(nameA) < named(nameB) ? -1 : 1)
    if (api !== 'LeaveGroup' && typeof a.memberId === 'string' && typeof b.memberId === 'string')
      return a.memberId < b.memberId ? -1 : 1
    return indexOf(a) - indexOf(b)
  }

  return arrange(response, '')
}

function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)
  )
}

/** What an element of an answer is about; a field that is empty in this version is not it. */
function nameOf(element: Fields): string | null {
  for (const field of nameFields) {
    const value = element[field]
    if (typeof value === 'string' && value !== '') return value
  }
  return element.groupId === '' ? '' : null
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

/** Sets of other things than texts and numbers are in order by what their elements say. */
function compareTexts(a: Fields, b: Fields): number {
  const [textA, textB] = [JSON.stringify(a, numbersAsText), JSON.stringify(b, numbersAsText)]
  return textA < textB ? -1 : Number(textA > textB)
}

function numbersAsText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
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
        ? { ...rest, synonyms: synonyms.filter(isFields).map(synonymText) }
        : rest
    ])
  )
}

function synonymText(synonym: Fields): string {
  return Object.values(synonym).join(' ')
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
