/**
 * One kind of work; how many requests it takes is chosen so that a run is short and its log small.
 */
export interface Workload {
  readonly name: string
  readonly kind: 'produce' | 'fetch'
  readonly recordSize: number
  readonly recordsPerBatch: number
  readonly connections: number
  /** Requests under way on each connection. */
  readonly inFlight: number
  /** Whether a run moves a number of megabytes or a number of requests. */
  readonly bound: 'megabytes' | 'requests'
}

export const partitionCount = 12

export const workloads: readonly Workload[] = [
  {
    name: 'produce 100 B records, 1 MB batches, 1 connection',
    kind: 'produce',
    recordSize: 100,
    recordsPerBatch: 9_000,
    connections: 1,
    inFlight: 5,
    bound: 'megabytes'
  },
  {
    name: 'produce 1 KB records, 16 KB batches, 10 connections',
    kind: 'produce',
    recordSize: 1000,
    recordsPerBatch: 16,
    connections: 10,
    inFlight: 5,
    bound: 'megabytes'
  },
  {
    name: 'produce one 1 KB record at a time, 1 connection',
    kind: 'produce',
    recordSize: 1000,
    recordsPerBatch: 1,
    connections: 1,
    inFlight: 1,
    bound: 'requests'
  },
  {
    name: 'produce one 1 KB record at a time, 100 connections',
    kind: 'produce',
    recordSize: 1000,
    recordsPerBatch: 1,
    connections: 100,
    inFlight: 1,
    bound: 'requests'
  },
  {
    name: 'fetch 1 MB answers, 1 connection',
    kind: 'fetch',
    recordSize: 1000,
    recordsPerBatch: 1000,
    connections: 1,
    inFlight: 3,
    bound: 'megabytes'
  },
  {
    name: 'fetch 1 MB answers, 10 connections',
    kind: 'fetch',
    recordSize: 1000,
    recordsPerBatch: 1000,
    connections: 10,
    inFlight: 1,
    bound: 'megabytes'
  }
]
