import type { BrokerProcess } from '../broker-process.ts'
import { batchOf, fetchFrame, fetchOffsetAt, fetchRecordsAt, produceFrame } from '../frames.ts'
import { runLoad } from '../raw-load.ts'
import { interleaved, ofBrokers, per, withCpu } from '../rounds.ts'
import { recordsBefore, withTopic } from '../topic.ts'
import type { Workload } from '../workload.ts'

const rate = 1000
const recordSize = 100

/** From a producer to a consumer that waits, at a steady rate. */
export const tailWorkload: Workload = {
  name: 'tail',
  title: 'End to end, producer to waiting consumer, 1,000 records/s',
  method: [
    'Every millisecond one 100 B record with acks=all; a consumer with one Fetch always waiting;',
    'from the moment a record was due until the consumer has it, so that stalls count.'
  ].join(' '),
  metrics: [
    { name: 'p50Ms', unit: 'p50 ms', digits: 3 },
    { name: 'p99Ms', unit: 'p99 ms', digits: 3 },
    { name: 'cpuMicrosPerRecord', unit: 'broker CPU us/record', digits: 1 }
  ],
  targets: [{ metric: 'p99Ms', against: 'Apache Kafka', sense: 'at most', limit: 1 }],
  async run(bench) {
    const records = Math.ceil(5000 * bench.scale)
    const contenders = await ofBrokers(bench, 'os', broker => tailOnce(broker, records))
    return { runs: await interleaved(bench, contenders, 4) }
  }
}

function tailOnce(broker: BrokerProcess, records: number) {
  return withTopic(broker, async topic => {
    const from = { topic, partition: 0, offset: recordsBefore, maxBytes: 100_000, maxWaitMs: 500 }
    const fetch = fetchFrame(from)
    const frames = [produceFrame(topic, 0, batchOf(1, recordSize)), fetch]
    const { value, cpuMs } = await withCpu(broker, () =>
      runLoad(broker, frames, {
        tail: rate,
        requests: records,
        'base-offset': recordsBefore,
        'offset-at': fetchOffsetAt(fetch),
        'records-at': fetchRecordsAt
      })
    )
    return {
      p50Ms: value.p50Ms,
      p99Ms: value.p99Ms,
      cpuMicrosPerRecord: per(cpuMs === null ? null : cpuMs * 1000, records)
    }
  })
}
