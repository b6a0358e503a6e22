import { defineConfig } from 'vitest/config'

/**
 * Tests of pure functions share threads and the modules that those have loaded: most of them take longer to load than to run. What puts
 * something in a module's place is not among them.
 */
const pure = [
  'test/{autodiff,nn,testing}/**/*.test.ts',
  'test/tensor/{ops,program}/**/*.test.ts',
  'test/electra/{config,data,experiment,flops,model,objective,report,scoring,statistics,tasks}/**/*.test.ts',
  'test/electra/store/{checkpoints,models}/**/*.test.ts',
  'test/electra/store/files/!(durability).test.ts'
]

/** Tests that open a GPU have a process each, which takes a second longer: its driver is not made for threads that come and go. */
const gpu = [
  'test/tensor/emit/wgsl/**/*.test.ts',
  'test/tensor/run/{choose,webgpu/*,multipliers/{gpujs,webgpu}*}.test.ts',
  'test/workers/fold/resident-fold.test.ts',
  'test/electra/{profile/{limits,profile,rounds},verify/*}.test.ts',
  'test/electra/training/{gpu-runs,mixed-*}.test.ts',
  'test/electra/cli/profile.test.ts'
]

export default defineConfig({
  test: {
    setupFiles: ['test/seed.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'threads',
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      { extends: true, test: { name: 'gpu', include: gpu, pool: 'forks' } },
      { extends: true, test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: [...pure, ...gpu] } }
    ]
  }
})
