import { createRequire } from 'node:module'

// Parts of Node that take a millisecond or two to load, and that a start has no use for. `require`
// and not `import()`, so that they are there at once when somebody needs them.

let zlib: typeof import('node:zlib') | undefined
let crypto: typeof import('node:crypto') | undefined

/** `node:zlib`, loaded when it is asked for. */
export function nodeZlib(): typeof import('node:zlib') {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` gives is untyped
  return (zlib ??= requireModule('node:zlib') as typeof import('node:zlib'))
}

/** `node:crypto`, loaded when it is asked for. */
export function nodeCrypto(): typeof import('node:crypto') {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` gives is untyped
  return (crypto ??= requireModule('node:crypto') as typeof import('node:crypto'))
}

/** The same in the ES module and in the CommonJS bundle. */
export function requireModule(name: string): unknown {
  const here = typeof __filename === 'string' ? __filename : import.meta.url
  return createRequire(here)(name)
}
