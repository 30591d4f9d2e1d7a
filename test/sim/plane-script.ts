import type { RunStep } from './plane-run.ts'

const produce = (topic: number, partition: number, producer: number, count = 2): RunStep => {
  return { type: 'produce', topic, partition, producer, count, valueSize: 60 }
}
const settle: RunStep = { type: 'settle' }
const look: RunStep = { type: 'look' }

/** Enough batches that the segment rolls, some of them under way at the same time. */
function rolling(topic: number, producer: number): readonly RunStep[] {
  return [
    ...Array.from({ length: 4 }, (_, index) => produce(topic, 0, producer, index + 1)),
    { type: 'retry', topic, partition: 0, producer, back: 1 },
    settle,
    ...Array.from({ length: 4 }, () => produce(topic, 0, producer)),
    produce(topic, 1, 2),
    settle
  ]
}

/**
 * What the lives of a broker are made of, each once and in an order in which they get in each
 * other's way. Every life ends in order; the enumeration ends them wherever it likes.
 */
export const script: readonly (readonly RunStep[])[] = [
  [
    { type: 'createTopic', topic: 0 },
    { type: 'newProducer', producer: 0 },
    settle,
    ...rolling(0, 0),
    look,
    { type: 'compact', topic: 0 },
    produce(0, 0, 0),
    settle,
    look,
    { type: 'commit', group: 0, topic: 0, partition: 0 },
    settle,
    { type: 'join', group: 0 },
    { type: 'commit', group: 0, topic: 0, partition: 0 },
    { type: 'alterTopic', topic: 0 },
    { type: 'advance', ms: 150 },
    produce(0, 0, 0),
    produce(0, 1, 2),
    settle,
    // By size, while something else is under way.
    { type: 'retain', topic: 0 },
    produce(0, 0, 0),
    settle,
    { type: 'advance', ms: 60 },
    look
  ],
  [
    { type: 'retry', topic: 0, partition: 0, producer: 0, back: 0 },
    produce(0, 0, 0),
    { type: 'createTopic', topic: 1 },
    settle,
    ...rolling(1, 0),
    { type: 'deleteRecords', topic: 0, partition: 0, share: 0.6 },
    { type: 'compact', topic: 0 },
    { type: 'compact', topic: 1 },
    produce(0, 0, 0),
    { type: 'commit', group: 1, topic: 1, partition: 0 },
    settle,
    look,
    { type: 'deleteRecords', topic: 0, partition: 0, share: 1 },
    settle,
    produce(0, 0, 0),
    { type: 'advance', ms: 300 },
    produce(1, 0, 0),
    settle,
    // By time: first the segments but the last one, then that one too, which rolls it.
    { type: 'advance', ms: 200 },
    { type: 'retain', topic: 1 },
    settle,
    { type: 'advance', ms: 500 },
    { type: 'retain', topic: 1 },
    produce(1, 0, 0),
    settle,
    look,
    { type: 'advance', ms: 60 },
    settle
  ],
  [
    { type: 'commit', group: 0, topic: 1, partition: 1 },
    produce(1, 0, 0),
    settle,
    { type: 'deleteTopic', topic: 1 },
    settle,
    { type: 'createTopic', topic: 1 },
    settle,
    produce(1, 0, 2),
    produce(1, 1, 0),
    settle,
    look,
    { type: 'deleteRecords', topic: 1, partition: 0, share: 0.5 },
    settle,
    produce(1, 0, 2),
    settle,
    { type: 'leave', group: 0 },
    { type: 'deleteGroup', group: 0 },
    { type: 'join', group: 1 },
    { type: 'newProducer', producer: 1 },
    settle,
    produce(1, 1, 1),
    { type: 'alterTopic', topic: 1 },
    { type: 'deleteTopic', topic: 0 },
    produce(1, 1, 1),
    settle,
    { type: 'advance', ms: 150 },
    { type: 'createTopic', topic: 0 },
    settle,
    produce(0, 0, 1),
    settle
  ]
]
