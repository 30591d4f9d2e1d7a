import { defineConfig } from 'tsdown'

// Two products. The library: one ES module and one CommonJS module with types. The command: one minified CommonJS
// file, because that starts in half the time that separate modules take. Pure JavaScript dependencies go inside,
// so installing the package installs one package; what is native stays outside and optional.
const native = ['@node-rs/crc32']

export default defineConfig([
  {
    entry: { index: 'src/index.ts' },
    format: ['esm', 'cjs'],
    outDir: 'dist',
    platform: 'node',
    target: 'node20',
    dts: true,
    clean: true,
    fixedExtension: true,
    deps: { neverBundle: native, alwaysBundle: [/^[^.@]/], onlyBundle: false }
  },
  {
    entry: { cli: 'src/cli/main.ts' },
    format: ['cjs'],
    outDir: 'dist',
    platform: 'node',
    target: 'node20',
    dts: false,
    clean: false,
    minify: true,
    fixedExtension: true,
    deps: { neverBundle: native, alwaysBundle: [/^[^.@]/], onlyBundle: false },
    outputOptions: { codeSplitting: false }
  }
])
