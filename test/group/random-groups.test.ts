import * as fc from 'fast-check'
import { test } from 'vitest'
import type { Action } from './random-groups.ts'
import { RandomGroups } from './random-groups.ts'

const kinds: fc.Arbitrary<Action['kind']> = fc.oneof(
  { weight: 4, arbitrary: fc.constant('join' as const) },
  { weight: 4, arbitrary: fc.constant('rejoin' as const) },
  { weight: 6, arbitrary: fc.constant('sync' as const) },
  { weight: 3, arbitrary: fc.constant('heartbeat' as const) },
  { weight: 2, arbitrary: fc.constant('leave' as const) },
  { weight: 2, arbitrary: fc.constant('commit' as const) },
  { weight: 1, arbitrary: fc.constantFrom('delete' as const, 'topicGone' as const) },
  { weight: 6, arbitrary: fc.constant('advance' as const) },
  { weight: 1, arbitrary: fc.constant('restart' as const) }
)
const actions: fc.Arbitrary<Action> = fc.record({
  kind: kinds,
  group: fc.nat(1),
  who: fc.nat(40),
  how: fc.nat(60)
})

// Each request is answered once, a generation has one leader, and all comes back from the log.
test('whatever clients do, what must hold of groups holds', () => {
  fc.assert(
    fc.property(fc.array(actions, { minLength: 30, maxLength: 200, size: 'max' }), list => {
      const groups = new RandomGroups()
      for (const action of list) groups.act(action)
      groups.expectSameAfterReplay()
      groups.advance(2_000_000)
      groups.expectRest()
      groups.expectSameAfterReplay()
    }),
    { numRuns: 80, interruptAfterTimeLimit: 15_000 }
  )
})
