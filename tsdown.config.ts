import { defineConfig, type UserConfig } from 'tsdown'
import { thirdPartyLicences } from './scripts/licences.ts'
import { asciiOnly } from './scripts/ascii-only.ts'
import { servedCodecsOnly } from './scripts/served-codecs.ts'

// Two products. The library: one ES module and one CommonJS module, with types. The command: one
// minified CommonJS file, which starts in half the time that separate modules take, behind a small
// launcher that hands V8 the code it has compiled before. Pure JavaScript dependencies go inside, so
// that installing the package installs one package; what is native stays outside and is optional.
const common = {
  outDir: 'dist',
  platform: 'node',
  target: 'node20',
  fixedExtension: true,
  // File names are fixed, so a build replaces the last one; a broker that runs meanwhile finds its
  // files.
  clean: false,
  logLevel: 'warn',
  checks: { pluginTimings: false },
  deps: { neverBundle: ['@node-rs/crc32'], onlyBundle: false }
} satisfies UserConfig

const command = {
  ...common,
  format: ['cjs'],
  dts: false,
  minify: true,
  outputOptions: { codeSplitting: false }
} satisfies UserConfig

/**
 * One function, for the launcher: it is what the file evaluates to as a script, and what it exports
 * as a module.
 */
const asFunction = {
  postBanner:
    '(main => typeof module === "object" ? module.exports = main : main)' +
    '(function (require, __filename, __dirname) {',
  postFooter: '})'
}

export default defineConfig([
  {
    ...common,
    entry: { index: 'src/index.ts' },
    format: ['esm', 'cjs'],
    dts: true,
    plugins: [servedCodecsOnly(), asciiOnly()]
  },
  {
    ...command,
    entry: { 'cli-main': 'src/cli/main.ts' },
    outputOptions: { ...command.outputOptions, ...asFunction },
    plugins: [servedCodecsOnly(), thirdPartyLicences(), asciiOnly()]
  },
  { ...command, entry: { cli: 'src/cli/launcher.ts' } }
])
