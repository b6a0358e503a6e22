/**
 * GPUs in trouble: this machine's, with as much memory as a test gives it, with a driver that refuses shaders, or without an answer from
 * some time on.
 */

import type { Gpu } from '../../../../src/tensor/run/webgpu/gpu.js'
import { mapMode, usage } from '../../../../src/tensor/run/webgpu/usage.js'

/** Bytes of storage that there may be, and that there are. What goes beyond fails as it does where memory has run out: in the scope of its making. */
export type Budget = { bytes: number; used: number }

const changed = <A extends object>(whole: A, change: Partial<A>): A =>
  new Proxy(whole, {
    get: (target, name) => {
      if (name in change) return change[name as keyof A]
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value as (...given: ReadonlyArray<unknown>) => unknown).bind(target) : value
    }
  })

const onDevice = (gpu: Gpu, change: (device: GPUDevice) => Partial<GPUDevice>): Gpu => ({
  ...gpu,
  device: changed(gpu.device, change(gpu.device))
})

/** With memory for so many bytes. */
export const withMemory = (budget: Budget, gpu: Gpu): Gpu =>
  onDevice(gpu, (device) => ({
    createBuffer: (wanted) => {
      if ((wanted.usage & usage.storage) === 0) return device.createBuffer(wanted)
      const isTooMuch = budget.used + wanted.size > budget.bytes
      const buffer = device.createBuffer(isTooMuch ? { ...wanted, size: 2 ** 50 } : wanted)
      if (isTooMuch) return buffer
      budget.used += wanted.size
      const destroy = buffer.destroy.bind(buffer)
      buffer.destroy = () => {
        budget.used -= wanted.size
        return destroy()
      }
      return buffer
    }
  }))

/** Compiles no shader while `refuses` says so, which is asked for each. */
export const refusing = (refuses: () => boolean, gpu: Gpu): Gpu =>
  onDevice(gpu, (device) => ({
    createComputePipelineAsync: (wanted) =>
      refuses() ? Promise.reject(new Error('refused')) : device.createComputePipelineAsync(wanted)
  }))

/** Maps nothing while `hangs` says so. */
export const hanging = (hangs: () => boolean, gpu: Gpu): Gpu =>
  onDevice(gpu, (device) => ({
    createBuffer: (wanted) => {
      const buffer = device.createBuffer(wanted)
      const map = buffer.mapAsync.bind(buffer)
      buffer.mapAsync = (mode, ...range) =>
        hangs() && mode === mapMode.read ? new Promise(() => undefined) : map(mode, ...range)
      return buffer
    }
  }))
