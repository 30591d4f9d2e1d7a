import type { Conversation, Request, Speaker } from '../talk.ts'
import { versions } from '../versions.ts'

function creationOf(
  version: number,
  more: Partial<Request<'CreateDelegationToken'>> = {}
): Request<'CreateDelegationToken'> {
  const owner = version < 3 ? {} : { ownerPrincipalType: null, ownerPrincipalName: null }
  return { ...owner, renewers: [], maxLifetimeMs: 60_000, ...more }
}

export const delegationTokensDisabled: Conversation = {
  name: 'delegation-tokens-disabled',
  needs: [
    'CreateDelegationToken',
    'RenewDelegationToken',
    'ExpireDelegationToken',
    'DescribeDelegationToken'
  ],
  async run(talk) {
    await allOf(talk.connect(), Buffer.from('no token'), 'where there are none')
  }
}

/** Every request about a token, in every version. */
export async function allOf(client: Speaker, hmac: Buffer, note: string): Promise<void> {
  for (const version of versions('CreateDelegationToken'))
    await client.attempt('CreateDelegationToken', version, creationOf(version), note)
  for (const version of versions('RenewDelegationToken'))
    await client.attempt('RenewDelegationToken', version, { hmac, renewPeriodMs: 1_000 }, note)
  for (const version of versions('DescribeDelegationToken')) {
    await client.attempt('DescribeDelegationToken', version, { owners: null }, note)
    const owners = [{ principalType: 'User', principalName: 'bob' }]
    await client.attempt('DescribeDelegationToken', version, { owners }, `${note}, of bob`)
    await client.attempt('DescribeDelegationToken', version, { owners: [] }, `${note}, of nobody`)
  }
  for (const version of versions('ExpireDelegationToken'))
    await client.attempt('ExpireDelegationToken', version, { hmac, expiryTimePeriodMs: -1 }, note)
}

/** Tokens of somebody who has logged in. */
export async function tokens(client: Speaker, other: Speaker): Promise<void> {
  for (const version of versions('CreateDelegationToken')) {
    const create = (note: string, more: Partial<Request<'CreateDelegationToken'>> = {}) =>
      client.attempt('CreateDelegationToken', version, creationOf(version, more), note)
    const renewers = [{ principalType: 'User', principalName: 'alice' }]
    await create('with the longest life', { maxLifetimeMs: -1 })
    await create('of a renewer of no type', {
      renewers: [{ principalType: 'Robot', principalName: 'x' }]
    })
    await create('with a life of 0', { maxLifetimeMs: 0 })
    if (version >= 3)
      await create('for another', { ownerPrincipalType: 'User', ownerPrincipalName: 'alice' })
    const created = await create('of a renewer', { renewers })
    const hmac = created?.hmac ?? Buffer.alloc(0)
    for (const renew of versions('RenewDelegationToken')) {
      const say = (note: string): string => `${note}, token v${version}`
      const ask = (
        note: string,
        who: Speaker,
        more: Partial<Request<'RenewDelegationToken'>> = {}
      ) =>
        who.attempt(
          'RenewDelegationToken',
          renew,
          { hmac, renewPeriodMs: 5_000, ...more },
          say(note)
        )
      await ask('a token', client)
      await ask('by another', other)
      await ask('not there', client, { hmac: Buffer.from('x') })
      await ask('for a period below zero', client, { renewPeriodMs: -1 })
    }
    for (const expire of versions('ExpireDelegationToken')) {
      const ask = (
        note: string,
        who: Speaker,
        more: Partial<Request<'ExpireDelegationToken'>> = {}
      ) =>
        who.attempt(
          'ExpireDelegationToken',
          expire,
          { hmac, expiryTimePeriodMs: 1_000, ...more },
          `${note}, token v${version}`
        )
      await ask('a token', client)
      await ask('by another', other)
      await ask('not there', client, { hmac: Buffer.from('x') })
      await ask('at once', client, { expiryTimePeriodMs: -1 })
      await ask('again', client, { expiryTimePeriodMs: -1 })
    }
  }
}
