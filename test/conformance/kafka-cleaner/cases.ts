import type { CleanerStep } from './cleaner-run.ts'

const compact: CleanerStep = { type: 'compact', slots: 1000 }
const beyondHorizon: CleanerStep = { type: 'advance', ms: 1001 }
const reopen: CleanerStep = { type: 'reopen' }

/** One batch; a value of null takes the key away. */
function send(
  producer: number,
  ...records: readonly (readonly [key: string | null, value: string | null])[]
): CleanerStep {
  return {
    type: 'send',
    producer,
    codec: 'none',
    records: records.map(([key, value]) => ({ key, value, headers: [], aheadMs: 0 }))
  }
}

function end(producer: number, result: 'commit' | 'abort', transactionVersion: 1 | 2 = 1) {
  return { type: 'end', producer, result, transactionVersion } as const
}

/** What ends a segment: records of one other key. */
const fill: readonly CleanerStep[] = Array.from({ length: 8 }, (_, index) =>
  send(0, ['fill', `${index}`])
)

/** Compactions with new records before each, and time behind it. */
const rounds: readonly CleanerStep[] = Array.from({ length: 4 }, () => [
  ...fill,
  compact,
  beyondHorizon
]).flat()

/** Compactions without anything new, with room for so many keys. */
function passes(count: number, slots: number): readonly CleanerStep[] {
  return Array.from({ length: count }, () => ({ type: 'compact', slots }))
}

const compactAndDelete: CleanerStep = {
  type: 'configure',
  configs: { cleanupPolicy: { compact: true, delete: true } }
}

/** What the tests of Kafka's cleaner have its segments go through, by what is at stake. */
export const cases: readonly (readonly [name: string, steps: readonly CleanerStep[]])[] = [
  [
    'transactions beside each other, of which one is aborted',
    [
      send(2, ['a', '2'], ['b', '2']),
      send(3, ['b', '3'], ['c', '3']),
      send(2, ['c', '2']),
      end(2, 'abort'),
      send(0, ['a', '0']),
      end(3, 'commit'),
      ...rounds
    ]
  ],
  [
    'transactions that span segments',
    [
      send(2, ['a', 'aborted']),
      send(3, ['b', 'committed']),
      ...fill,
      send(2, ['c', 'aborted']),
      send(3, ['d', 'committed']),
      ...fill,
      end(2, 'abort'),
      end(3, 'commit'),
      ...rounds
    ]
  ],
  [
    'a commit marker, whose last record goes one by one',
    [
      send(2, ['a', '1'], ['b', '1']),
      end(2, 'commit'),
      send(2, ['c', '2']),
      end(2, 'commit'),
      ...fill,
      compact,
      send(0, ['a', '3']),
      ...rounds,
      send(0, ['b', '3']),
      ...rounds,
      send(2, ['c', '4']),
      end(2, 'commit'),
      ...rounds
    ]
  ],
  [
    'an abort marker, also of a producer that is heard of no more',
    [
      send(2, ['a', '1']),
      end(2, 'abort'),
      send(3, ['a', '2']),
      end(3, 'abort'),
      send(2, ['a', '3']),
      end(2, 'commit'),
      ...fill,
      compact,
      reopen,
      ...rounds
    ]
  ],
  [
    'aborted transactions in several passes with little memory',
    [
      ...[...Array(12).keys()].flatMap(round => [
        send(2, [`a ${round}`, 'x'], [`b ${round}`, 'x'], [`c ${round}`, 'x']),
        end(2, round % 3 === 0 ? 'abort' : 'commit')
      ]),
      ...fill,
      ...passes(5, 16),
      beyondHorizon,
      reopen,
      ...rounds
    ]
  ],
  [
    'the last sequence of a producer, also when it was aborted',
    [
      send(1, ['a', '1']),
      send(1, ['a', '2']),
      send(2, ['b', '1'], ['b', '2']),
      end(2, 'abort'),
      ...rounds,
      reopen,
      send(1, ['a', '3']),
      send(2, ['b', '3']),
      end(2, 'commit'),
      ...rounds
    ]
  ],
  [
    'sequences that are used again after the epoch was raised',
    [
      send(2, ['a', '1']),
      end(2, 'abort', 2),
      send(2, ['a', '2']),
      end(2, 'commit', 2),
      ...rounds,
      reopen,
      send(2, ['a', '3']),
      end(2, 'abort', 2),
      ...rounds
    ]
  ],
  [
    'a marker that is the last of its producer, is emptied and goes later',
    [
      send(2, ['a', '1']),
      end(2, 'commit', 2),
      send(0, ['a', '2']),
      ...rounds,
      ...rounds,
      send(2, ['a', '3']),
      end(2, 'commit', 2),
      ...rounds
    ]
  ],
  [
    'tombstones and the time that they stay, across changes of it and a start',
    [
      send(0, ['a', '1'], ['b', '1']),
      send(0, ['a', null]),
      ...fill,
      compact,
      { type: 'configure', configs: { deleteRetentionMs: 0 } },
      send(0, ['b', null], ['a', null]),
      ...fill,
      compact,
      reopen,
      { type: 'advance', ms: 999 },
      ...fill,
      compact,
      { type: 'advance', ms: 1 },
      ...rounds
    ]
  ],
  [
    'keys that are those of markers',
    [
      send(2, ['\0\0\0\0', '1'], ['\0\0\0\u0001', '1']),
      end(2, 'commit'),
      send(2, ['\0\0\0\u0001', '2']),
      end(2, 'abort'),
      ...rounds
    ]
  ],
  [
    'records without a key, which came before the topic was compacted',
    [
      { type: 'configure', configs: { cleanupPolicy: { compact: false, delete: true } } },
      send(0, [null, '1'], ['a', '1'], [null, '2']),
      send(1, [null, '3']),
      ...fill,
      { type: 'configure', configs: { cleanupPolicy: { compact: true, delete: false } } },
      ...rounds
    ]
  ],
  [
    'segments in which more keys are than there is memory for',
    [
      ...[...Array(40).keys()].map(number => send(0, [`${number % 25}`, 'x'])),
      ...passes(4, 16),
      reopen,
      ...passes(4, 17)
    ]
  ],
  [
    'a batch in which more keys are than there is memory for',
    [
      send(0, ...[...Array(30).keys()].map(number => [`${number % 28}`, 'x'] as const)),
      ...fill,
      ...passes(4, 16)
    ]
  ],
  [
    'a log that begins in the middle of a segment, and then of the active one',
    [
      compactAndDelete,
      send(1, ['a', '1'], ['b', '1'], ['c', '1']),
      ...fill,
      { type: 'deleteRecords', share: 0.1 },
      compact,
      ...fill,
      { type: 'deleteRecords', share: 0.95 },
      compact,
      ...rounds
    ]
  ],
  [
    'records younger than the lag, and an open transaction',
    [
      { type: 'configure', configs: { minCompactionLagMs: 500 } },
      send(0, ['a', '1'], ['a', '2']),
      ...fill,
      compact,
      { type: 'advance', ms: 500 },
      compact,
      send(2, ['a', '3']),
      ...fill,
      { type: 'advance', ms: 500 },
      compact,
      end(2, 'commit'),
      ...rounds
    ]
  ],
  [
    'retention by size and by time of a topic that is compacted as well',
    [
      compactAndDelete,
      { type: 'configure', configs: { retentionBytes: 1000 } },
      ...fill,
      ...fill,
      compact,
      { type: 'retain' },
      ...fill,
      { type: 'retain' },
      { type: 'configure', configs: { retentionBytes: -1, retentionMs: 1000 } },
      { type: 'retain' },
      ...fill,
      beyondHorizon,
      ...fill,
      { type: 'retain' },
      ...rounds,
      { type: 'retain' },
      { type: 'configure', configs: { retentionBytes: 0 } },
      { type: 'retain' }
    ]
  ]
]
