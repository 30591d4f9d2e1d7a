import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { BarJob, BarResult } from '../../test/sim/bar-job.ts'

/** Processes at a time, at most. */
const workersMax = 4

/**
 * Does jobs in processes of their own, as many at a time as there are processors.
 *
 * @param onResult hears of each one when it is done
 * @throws Error when a process dies
 */
export async function runJobs<Job extends BarJob>(
  jobs: readonly Job[],
  onResult: (job: Job, result: BarResult) => void
): Promise<void> {
  const waiting = [...jobs]
  const count = Math.min(availableParallelism(), workersMax, jobs.length)
  await Promise.all(Array.from({ length: count }, () => work(waiting, onResult)))
}

function work<Job extends BarJob>(
  waiting: Job[],
  onResult: (job: Job, result: BarResult) => void
): Promise<void> {
  const worker = fork(fileURLToPath(new URL('job-worker.ts', import.meta.url)))
  return new Promise((resolve, reject) => {
    let job = waiting.shift()
    const next = (): void => {
      if (job === undefined) worker.disconnect()
      else worker.send(job)
    }
    worker.on('message', (result: BarResult) => {
      onResult(job!, result)
      job = waiting.shift()
      next()
    })
    worker.on('exit', code => {
      if (job === undefined) resolve()
      else reject(new Error(`a worker died (${code}) in ${JSON.stringify(job)}`))
    })
    next()
  })
}
