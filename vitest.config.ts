import { defineConfig } from 'vitest/config'

// `unit` is everything that runs by itself; `conformance` drives real clients against a real
// broker. Both run from the sources, except test/cli and test/embedding, which need what `npm run
// build` makes. The timeouts only end what hangs: they are far above what a busy machine takes.
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
          testTimeout: 180_000,
          hookTimeout: 180_000
        }
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000
        }
      }
    ]
  }
})
