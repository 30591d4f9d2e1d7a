import { expect, test } from 'vitest'
import { hasStrace, runSyscalls } from '../../scripts/bar/syscalls.ts'

// A few system calls that end the real process, or fail; `npm run bar -- syscalls` is the long
// form.

const canTrace = hasStrace()

test.skipIf(!canTrace)(
  'whatever system call kills the broker or fails, what was acknowledged is there afterwards',
  async () => {
    const faults: string[] = []
    const outcome = await runSyscalls({
      injections: [
        { call: 'pwrite64', fault: 'KILL' },
        { call: 'fdatasync', fault: 'KILL' },
        { call: 'fdatasync', fault: 'EIO' },
        { call: 'pwritev', fault: 'ENOSPC' }
      ],
      step: 5,
      runsMax: 3,
      durability: 'fsync',
      onFault: sentence => void faults.push(sentence)
    })
    expect(faults).toEqual([])
    expect(outcome.hit).toBeGreaterThan(4)
    expect(outcome.stopped).toBeGreaterThan(0)
  },
  300_000
)
