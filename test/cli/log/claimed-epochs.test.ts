import { expect, test } from 'vitest'
import { ClaimedEpochs } from '../../../src/cli/log/claimed-epochs.ts'

const wrong = 0x5500_0000

test.each([
  { of: 'batches of one epoch', claims: [0, 0, 0], believed: [[0, 0]] },
  {
    of: 'epochs that rise',
    claims: [0, 0, 2, 2, 5],
    believed: [
      [0, 0],
      [2, 2],
      [5, 4]
    ]
  },
  {
    of: 'a first batch that is wrong',
    claims: [wrong, 0, 0, 1],
    believed: [
      [0, 1],
      [1, 3]
    ]
  },
  {
    of: 'a batch in the middle that is wrong',
    claims: [0, 0, wrong, 0, 1],
    believed: [
      [0, 0],
      [0, 3],
      [1, 4]
    ]
  },
  { of: 'one that is wrong for each that is not', claims: [wrong, 3], believed: [[3, 1]] },
  {
    of: 'a batch that says too little',
    claims: [4, 4, 1, 4],
    believed: [
      [4, 0],
      [4, 3]
    ]
  },
  { of: 'nothing', claims: [], believed: [] }
])('of $of the epochs are believed that most batches agree on', ({ claims, believed }) => {
  const claimed = new ClaimedEpochs()
  for (const [offset, leaderEpoch] of claims.entries()) claimed.add(leaderEpoch, offset)
  expect(claimed.believed().map(each => [each.leaderEpoch, each.startOffset])).toEqual(believed)
})
