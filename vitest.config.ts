import { defineConfig } from 'vitest/config'

// `unit` is everything that runs by itself; `conformance` drives real clients against a real
// broker. Both run from the sources, except test/cli and test/embedding, which need what `npm run
// build` makes.
export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/conformance/**'],
          testTimeout: 20_000,
          hookTimeout: 30_000
        }
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      }
    ]
  }
})
