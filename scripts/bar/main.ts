import { runBar } from './bars.ts'

// Said outright: a client of a broker that is gone may still be waiting for it.
process.exit(await runBar(process.argv.slice(2)))
