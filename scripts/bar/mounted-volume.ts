import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const volumeSize = 384 * 1024 * 1024

/** `FS_IOC_SHUTDOWN` is `_IOR('X', 125, u32)`; 2: not even the journal is written any more. */
const shutdownProgram = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))
`

export type FileSystemKind = 'ext4' | 'xfs'

/** A file system of its own in a file, whose power can be cut. */
export interface MountedVolume {
  readonly path: string
  /** From now on nothing reaches the disk, and all that was not synced is gone. */
  cutPower(): void
  /** Mounts it again after `cutPower`, as a machine that starts again. Nobody may use it. */
  mountAgain(): Promise<void>
  remove(): Promise<void>
}

/**
 * Makes and mounts a volume.
 *
 * @returns why not, where root, loop devices or the tools are missing
 */
export function makeVolume(kind: FileSystemKind): MountedVolume | string {
  const root = fs.mkdtempSync(join(tmpdir(), `odradek-${kind}-`))
  const image = join(root, 'image')
  const path = join(root, 'volume')
  const program = join(root, 'shutdown.py')
  fs.mkdirSync(path)
  fs.writeFileSync(program, shutdownProgram)
  fs.writeFileSync(image, '')
  fs.truncateSync(image, volumeSize)
  const giveUp = (reason: string): string => {
    fs.rmSync(root, { recursive: true, force: true })
    return reason
  }
  const made = run(`mkfs.${kind}`, '-q', kind === 'ext4' ? '-F' : '-f', image)
  if (made !== null) return giveUp(made)
  const mounted = run('mount', '-o', 'loop', image, path)
  if (mounted !== null) return giveUp(mounted)
  const cutPower = (): string | null => run('python3', program, path)
  const unmount = async (): Promise<void> => {
    for (let tries = 0; run('umount', path) !== null; tries++) {
      if (tries === 50) throw new Error(`${path} cannot be unmounted`)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
  return {
    path,
    cutPower() {
      const failed = cutPower()
      if (failed !== null) throw new Error(failed)
    },
    async mountAgain() {
      await unmount()
      const failed = run('mount', '-o', 'loop', image, path)
      if (failed !== null) throw new Error(failed)
    },
    async remove() {
      await unmount()
      fs.rmSync(root, { recursive: true, force: true })
    }
  }
}

/** Runs a program; says what it said when it failed, and null when it did not. */
function run(program: string, ...args: readonly string[]): string | null {
  const done = spawnSync(program, args, { encoding: 'utf8' })
  if (done.error !== undefined) return `${program}: ${done.error.message}`
  return done.status === 0 ? null : `${program}: ${done.stderr.trim() || `exit ${done.status}`}`
}
