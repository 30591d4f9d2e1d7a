import type { ApiDefinitionFile, Loaded, RecordDefinitionFile } from './definitions.ts'
import type { Message, Struct } from './model.ts'
import { buildMessage, parseVersions } from './model.ts'
import { emitReaders } from './emit-read.ts'
import { emitTypes } from './emit-types.ts'
import { emitWriters } from './emit-write.ts'
import { Source } from './source.ts'

/** The request and the response of an API. */
export function apiMessages(definition: ApiDefinitionFile): {
  request: Message
  response: Message
} {
  const { name } = definition
  const build = (side: 'Request' | 'Response'): Message =>
    buildMessage({
      name: name + side,
      about: `${name} ${side.toLowerCase()}. ${definition.about}`,
      versions: parseVersions(definition.versions),
      flexibleFrom: definition.flexible ?? Infinity,
      redundantPrefixes: [name + side, name],
      body: side === 'Request' ? definition.request : definition.response
    })
  return { request: build('Request'), response: build('Response') }
}

/** What a record consists of: key and value, or only data. */
export function recordMessages(definition: RecordDefinitionFile): Message[] {
  const sides = [
    ['Key', definition.key],
    ['Value', definition.value],
    ['', definition.data]
  ] as const
  return sides.flatMap(([suffix, body]) =>
    body === undefined
      ? []
      : [
          buildMessage({
            name: definition.name + suffix,
            about: `${definition.name} ${suffix.toLowerCase() || 'data'}. ${definition.about}`,
            versions: parseVersions(body.versions),
            flexibleFrom: body.flexible ?? Infinity,
            redundantPrefixes: [definition.name + suffix, definition.name],
            body
          })
        ]
  )
}

/** The file of an API: types, then readers, then writers, of request and response. */
export function apiFile(loaded: Loaded<ApiDefinitionFile>): string {
  const { request, response } = apiMessages(loaded.definition)
  return messagesFile(loaded.path, [request, response], '..')
}

export function recordFile(loaded: Loaded<RecordDefinitionFile>): string {
  return messagesFile(loaded.path, recordMessages(loaded.definition), '../..')
}

export function header(path: string): string {
  return `// Made from ${path} by npm run generate. Not to be edited.\n`
}

function messagesFile(path: string, messages: readonly Message[], wire: string): string {
  const body = new Source()
  for (const message of messages) {
    emitTypes(body, message)
    emitReaders(body, message)
    emitWriters(body, message)
  }
  const text = body.toString()
  const imports = [
    ['assert(', `import { assert } from '${wire}/../base/assert.ts'`],
    ['emptyBuffer', `import { emptyBuffer } from '${wire}/empty-buffer.ts'`],
    ['reader', `import type { Reader } from '${wire}/reader.ts'`],
    ['zeroUuid', `import { zeroUuid } from '${wire}/uuid.ts'`],
    ['writer', `import type { Writer } from '${wire}/writer.ts'`]
  ] as const
  const used = imports.filter(([word]) => text.includes(word)).map(([, line]) => line)
  return `${header(path)}\n${used.join('\n')}\n${text}`
}

/** Names of all interfaces of a message, for the tests of the generator. */
export function typeNames(message: Message): string[] {
  return message.structs.map((struct: Struct) => struct.typeName)
}
