import type { Workload } from '../workload.ts'
import { clientWorkloads } from './clients.ts'
import { fetchWorkloads } from './fetch.ts'
import { footprintWorkloads } from './footprint.ts'
import { growthWorkloads } from './growth.ts'
import { limitWorkloads } from './limit.ts'
import { producingWorkloads } from './produce-librdkafka.ts'
import { singlesWorkloads } from './produce-single.ts'
import { startUpWorkload } from './start-up.ts'
import { tailWorkload } from './tail.ts'

/** In the order in which they run: those that share brokers stand together. */
export const workloads: readonly Workload[] = [
  ...producingWorkloads,
  ...singlesWorkloads.filter(({ name }) => !name.endsWith('fsync')),
  ...fetchWorkloads,
  tailWorkload,
  ...clientWorkloads,
  ...singlesWorkloads.filter(({ name }) => name.endsWith('fsync')),
  ...footprintWorkloads,
  startUpWorkload,
  ...limitWorkloads,
  ...growthWorkloads
]
