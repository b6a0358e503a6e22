/**
 * Measures this machine's GPU: `node bench/gpu/run.mjs [--small] [--help]`. Where there is no checkout, `pack.mjs` makes a folder that
 * runs by itself.
 */

import { fileURLToPath } from 'node:url'
import { runHere } from './bundle.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

process.env.PURE_ELECTRA_GPU_BENCH ??= JSON.stringify({
  fixture: path('../../test/fixtures/electra_a.safetensors'),
  script: path('step.py'),
  out: path('results')
})
await runHere('main.ts')
