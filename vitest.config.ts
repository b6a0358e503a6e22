import { defineConfig } from 'vitest/config'

/**
 * Tests of pure functions share threads and the modules that those have loaded: most of them take longer to load than to run. What puts
 * something in a module's place is not among them.
 */
const pure = [
  'test/{autodiff,nn,testing}/**/*.test.ts',
  'test/tensor/{ops,program}/**/*.test.ts',
  'test/electra/{config,data,flops,model,objective,scoring,statistics,tasks}/**/*.test.ts',
  'test/electra/store/{checkpoints,models}/**/*.test.ts',
  'test/electra/store/files/!(durability).test.ts'
]

export default defineConfig({
  test: {
    setupFiles: ['test/seed.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'threads',
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      { extends: true, test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: pure } }
    ]
  }
})
