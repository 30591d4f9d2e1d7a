/**
 * What an acknowledgement promises: `memory` it is in RAM, `os` the operating system has it
 * (survives SIGKILL), `fsync` the disk has it (survives power loss).
 */
export type DurabilityMode = 'memory' | 'os' | 'fsync'

export const durabilityModes: readonly DurabilityMode[] = ['memory', 'os', 'fsync']
