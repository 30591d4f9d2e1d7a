import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { installDirectory } from './node-rdkafka.ts'

// Builds node-rdkafka, with the librdkafka it brings, in a cache directory outside the project.
// It needs a compiler and, on Debian: g++ make python3 libssl-dev libsasl2-dev libzstd-dev
// liblz4-dev zlib1g-dev libcurl4-openssl-dev. The build takes some minutes, once.

mkdirSync(installDirectory, { recursive: true })
const manifest = fileURLToPath(new URL('package.json', import.meta.url))
copyFileSync(manifest, path.join(installDirectory, 'package.json'))
const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], {
  cwd: installDirectory,
  stdio: 'inherit'
})
process.exitCode = installed.status ?? 1
