// The same in a worker.
import { trained, verified } from './webgpu.work.mjs'

globalThis.addEventListener('message', async ({ data: { fixtures, options } }) => {
  globalThis.postMessage({ verified: await verified(fixtures), trained: await trained(options, () => {}) })
})
