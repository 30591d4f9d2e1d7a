import { runJob, type BarJob } from '../../test/sim/bar-job.ts'

// Does one piece after the other of what `jobs.ts` hands over.
process.on('message', (job: BarJob) => {
  void runJob(job).then(result => process.send?.(result))
})
