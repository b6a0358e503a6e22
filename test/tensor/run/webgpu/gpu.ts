/**
 * GPUs for tests: this machine's adapter, and Dawn's null backend, which compiles everything and computes nothing.
 */

import * as E from 'fp-ts/lib/Either.js'
import { requestAdapter } from '../../../../src/tensor/run/multipliers/webgpu-adapter.js'

/** Dawn frees all under a `gpu` that is collected: it is held as long as the process lives. */
export type TestGpu = {
  readonly gpu: GPU
  readonly adapter: GPUAdapter
  readonly device: GPUDevice
  readonly release: () => void
}

const held = new Set<GPU>()

const opened = async (gpu: GPU, adapter: GPUAdapter, features: ReadonlyArray<string>): Promise<TestGpu> => {
  held.add(gpu)
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = adapter.limits
  const device = await adapter.requestDevice({
    requiredFeatures: features as ReadonlyArray<GPUFeatureName> as Array<GPUFeatureName>,
    requiredLimits: { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup }
  })
  return { gpu, adapter, device, release: () => device.destroy() }
}

/** This machine's adapter, with those of the features that it has. */
export const openGpu = async (features: ReadonlyArray<string> = []): Promise<TestGpu> => {
  const found = await requestAdapter()
  if (E.isLeft(found)) throw new Error(found.left)
  const { gpu, adapter } = found.right
  return opened(
    gpu,
    adapter,
    features.filter((feature) => adapter.features.has(feature))
  )
}

const experiments = 'allow_unsafe_apis,vulkan_enable_f16_on_nvidia,use_vulkan_memory_model'

/** The null backend, with half precision and subgroup matrices. */
export const openNull = async (): Promise<TestGpu> => {
  const { create } = await import('webgpu')
  const gpu = create(['backend=null', `enable-dawn-features=${experiments}`])
  const adapter = await gpu.requestAdapter()
  if (adapter === null) throw new Error('the null backend has no adapter')
  return opened(gpu, adapter, ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'])
}
