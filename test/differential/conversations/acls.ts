import type { Conversation, Request, Speaker, Talk } from '../talk.ts'
import { versions } from '../versions.ts'

type Creation = Request<'CreateAcls'>['creations'][number]
type Filter = Request<'DeleteAcls'>['filters'][number]

/** What ACLs are made of, by the numbers that stand for it on the wire. */
export const aclCode = {
  resource: { any: 1, topic: 2, group: 3, cluster: 4, transactionalId: 5, token: 6, user: 7 },
  pattern: { any: 1, match: 2, literal: 3, prefixed: 4 },
  operation: { any: 1, all: 2, read: 3, write: 4, create: 5, describe: 8 },
  permission: { any: 1, deny: 2, allow: 3 }
} as const

/** Alice may read a topic from everywhere, unless it says more. */
export function creationOf(resourceName: string, more: Partial<Creation> = {}): Creation {
  return {
    resourceType: aclCode.resource.topic,
    resourceName,
    resourcePatternType: aclCode.pattern.literal,
    principal: 'User:alice',
    host: '*',
    operation: aclCode.operation.read,
    permissionType: aclCode.permission.allow,
    ...more
  }
}

function filterOf(more: Partial<Filter> = {}): Filter {
  return {
    resourceTypeFilter: aclCode.resource.topic,
    resourceNameFilter: null,
    patternTypeFilter: aclCode.pattern.any,
    principalFilter: null,
    hostFilter: null,
    operation: aclCode.operation.any,
    permissionType: aclCode.permission.any,
    ...more
  }
}

export const aclsDisabled: Conversation = {
  name: 'acls-disabled',
  needs: ['DescribeAcls', 'CreateAcls', 'DeleteAcls'],
  async run(talk) {
    const client = talk.connect()
    const name = talk.name('a')
    for (const version of versions('DescribeAcls')) {
      await client.attempt('DescribeAcls', version, filterOf())
      const odd = filterOf({ resourceTypeFilter: 99 })
      await client.attempt('DescribeAcls', version, odd, 'of a type that there is not')
    }
    for (const version of versions('CreateAcls')) {
      const asked = { creations: [creationOf(name), creationOf(name, { resourceType: 99 })] }
      await client.attempt('CreateAcls', version, asked, 'two')
      await client.attempt('CreateAcls', version, { creations: [] }, 'none')
    }
    for (const version of versions('DeleteAcls')) {
      await client.attempt('DeleteAcls', version, { filters: [filterOf(), filterOf()] }, 'two')
      await client.attempt('DeleteAcls', version, { filters: [] }, 'none')
    }
  }
}

export const acls: Conversation = {
  name: 'acls',
  setup: 'secured',
  needs: ['DescribeAcls', 'CreateAcls', 'DeleteAcls'],
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('CreateAcls')) await creates(talk, client, version)
    const name = talk.name('described')
    const group = { resourceType: aclCode.resource.group }
    await client.ask('CreateAcls', 3, {
      creations: [
        creationOf(name),
        creationOf(name, { principal: 'User:nobody', operation: aclCode.operation.write }),
        creationOf(name, { permissionType: aclCode.permission.deny, host: '10.0.0.1' }),
        creationOf(name.slice(0, -3), { resourcePatternType: aclCode.pattern.prefixed }),
        creationOf(name, group)
      ]
    })
    for (const version of versions('DescribeAcls')) await describes(client, version, name)
    for (const version of versions('DeleteAcls')) await deletes(talk, client, version)
  }
}

async function creates(talk: Talk, client: Speaker, version: number): Promise<void> {
  const name = talk.name(`created-v${version}`)
  const ask = (note: string, ...creations: readonly Creation[]) =>
    client.attempt('CreateAcls', version, { creations }, note)
  await ask('one', creationOf(name))
  await ask('again', creationOf(name))
  await ask('none')
  await ask('one twice', creationOf(name), creationOf(name))
  const { resource, operation, pattern, permission } = aclCode
  for (const [note, more] of [
    ['no name', { resourceName: '' }],
    ['no principal', { principal: '' }],
    ['a principal without type', { principal: 'alice' }],
    ['a principal of another type', { principal: 'Robot:alice' }],
    ['every user', { principal: 'User:*' }],
    ['no host', { host: '' }],
    ['a type that there is not', { resourceType: 99 }],
    ['of any type', { resourceType: resource.any }],
    ['an operation that there is not', { operation: 99 }],
    ['any operation', { operation: operation.any }],
    ['an operation that topics do not know', { operation: 12 }],
    ['a permission that there is not', { permissionType: 99 }],
    ['any permission', { permissionType: permission.any }],
    ['a pattern that there is not', { resourcePatternType: 99 }],
    ['any pattern', { resourcePatternType: pattern.any }],
    ['matching', { resourcePatternType: pattern.match }],
    ['the cluster', { resourceType: resource.cluster, resourceName: 'kafka-cluster' }],
    ['another cluster', { resourceType: resource.cluster, resourceName: 'another' }],
    ['a token', { resourceType: resource.token }],
    ['a user', { resourceType: resource.user, resourceName: 'User:bob' }],
    [
      'a prefix of the cluster',
      { resourceType: resource.cluster, resourcePatternType: pattern.prefixed }
    ],
    ['a topic whose name is none', { resourceName: 'a b' }]
  ] as const)
    await ask(note, creationOf(name, more), creationOf(`${name}-good`))
}

async function describes(client: Speaker, version: number, name: string): Promise<void> {
  const { resource, operation, pattern, permission } = aclCode
  const ours = { resourceNameFilter: name }
  const match = { ...ours, patternTypeFilter: pattern.match }
  for (const [note, more] of [
    ['by name', ours],
    ['that match a name', match],
    ['that match a name, of every type', { ...match, resourceTypeFilter: resource.any }],
    ['by literal name', { ...ours, patternTypeFilter: pattern.literal }],
    ['by prefix', { resourceNameFilter: name.slice(0, -3), patternTypeFilter: pattern.prefixed }],
    ['of a user', { ...ours, principalFilter: 'User:nobody' }],
    ['of a principal without type', { ...ours, principalFilter: 'nobody' }],
    ['from a host', { ...ours, hostFilter: '10.0.0.1' }],
    ['for an operation', { ...ours, operation: operation.write }],
    ['that deny', { ...ours, permissionType: permission.deny }],
    ['of a type that there is not', { ...ours, resourceTypeFilter: 99 }],
    ['of type 0', { ...ours, resourceTypeFilter: 0 }],
    ['for an operation that there is not', { ...ours, operation: 99 }],
    ['of a permission that there is not', { ...ours, permissionType: 99 }],
    ['of a pattern that there is not', { ...ours, patternTypeFilter: 99 }],
    ['of a group', { ...ours, resourceTypeFilter: resource.group }],
    ['not there', { resourceNameFilter: `${name}-nowhere` }]
  ] as const)
    await client.attempt('DescribeAcls', version, filterOf(more), note)
}

async function deletes(talk: Talk, client: Speaker, version: number): Promise<void> {
  const name = talk.name(`deleted-v${version}`)
  const { resource, pattern, operation } = aclCode
  await talk.setup.ask('CreateAcls', 3, {
    creations: [
      creationOf(name),
      creationOf(name, { operation: operation.write }),
      creationOf(`${name}-2`)
    ]
  })
  const ask = (note: string, ...filters: readonly Filter[]) =>
    client.attempt('DeleteAcls', version, { filters }, note)
  const ours = { resourceNameFilter: name }
  await ask('none')
  await ask('not there', filterOf({ resourceNameFilter: `${name}-nowhere` }))
  await ask('of a type that there is not', filterOf({ ...ours, resourceTypeFilter: 99 }))
  await ask('of a pattern that there is not', filterOf({ ...ours, patternTypeFilter: 99 }))
  await ask('of an operation that there is not', filterOf({ ...ours, operation: 99 }))
  await ask('of a permission that there is not', filterOf({ ...ours, permissionType: 99 }))
  await ask('one', filterOf({ ...ours, operation: operation.write }))
  const match = { ...ours, patternTypeFilter: pattern.match, resourceTypeFilter: resource.any }
  await ask('two filters', filterOf(match), filterOf({ resourceNameFilter: `${name}-2` }))
  await ask('again', filterOf(match))
}
