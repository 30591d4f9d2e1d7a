import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Writes a file of that size and removes it, so that the run to come finds memory that the guest
 * holds already. Where a virtual machine gives free memory back to its host, the first touch of a
 * page costs 13 times what a recycled one does, and whoever runs first would pay for both.
 */
export function recyclePages(megabytes: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'odradek-bench-pages-'))
  const piece = Buffer.alloc(1e6, 'pages ')
  const file = openSync(join(folder, 'pages'), 'w')
  try {
    for (let written = 0; written < megabytes; written++) writeSync(file, piece)
  } finally {
    closeSync(file)
    rmSync(folder, { recursive: true, force: true })
  }
}
