import { expect, test } from 'vitest'
import type { ClassicState } from '../../src/group/classic-states.ts'
import { assertTransition, canRebalance, classicStates } from '../../src/group/classic-states.ts'

const names: readonly ClassicState[] = [
  'Empty',
  'PreparingRebalance',
  'CompletingRebalance',
  'Stable',
  'Dead'
]

test('the table has every state', () => {
  expect(Object.keys(classicStates)).toEqual(names)
})

test('states follow one another as in Kafka, and in no other way', () => {
  const legal = names.flatMap(from =>
    names.filter(to => leads(from, to)).map(to => `${from} ${to}`)
  )
  expect(legal.sort()).toEqual(
    [
      'CompletingRebalance Dead',
      'CompletingRebalance PreparingRebalance',
      'CompletingRebalance Stable',
      'Dead Dead',
      'Empty Dead',
      'Empty PreparingRebalance',
      'PreparingRebalance CompletingRebalance',
      'PreparingRebalance Dead',
      'PreparingRebalance Empty',
      'Stable Dead',
      'Stable PreparingRebalance'
    ].sort()
  )
})

test('a rebalance may begin wherever it is not under way already', () => {
  expect(names.filter(canRebalance)).toEqual(['Empty', 'CompletingRebalance', 'Stable'])
})

function leads(from: ClassicState, to: ClassicState): boolean {
  try {
    assertTransition('g', from, to)
    return true
  } catch {
    return false
  }
}
