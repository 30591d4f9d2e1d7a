import type { Conversation } from '../talk.ts'
import { versions } from '../versions.ts'

export const describeCluster: Conversation = {
  name: 'describe-cluster',
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('DescribeCluster'))
      for (const includeClusterAuthorizedOperations of [false, true]) {
        const asked = { includeClusterAuthorizedOperations }
        const rights = includeClusterAuthorizedOperations ? ' and rights' : ''
        await client.attempt('DescribeCluster', version, asked, `brokers${rights}`)
        for (const endpointType of [0, 2, 3, -1])
          await client.attempt(
            'DescribeCluster',
            version,
            { ...asked, endpointType },
            `endpoint type ${endpointType}${rights}`
          )
        await client.attempt(
          'DescribeCluster',
          version,
          { ...asked, includeFencedBrokers: true },
          `fenced brokers too${rights}`
        )
        await client.attempt(
          'DescribeCluster',
          version,
          { ...asked, endpointType: 2, includeFencedBrokers: true },
          `fenced controllers${rights}`
        )
      }
  }
}
