// The same in a worker.
import { trained, verified } from './webgpu.work.mjs'

globalThis.addEventListener('message', async ({ data: { fixture, options } }) => {
  globalThis.postMessage({ verified: await verified(fixture), trained: await trained(options, () => {}) })
})
