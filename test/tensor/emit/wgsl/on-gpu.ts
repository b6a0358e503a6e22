/**
 * Kernels of a GPU on one, each by itself, and what they are held against.
 */

import { expect } from 'vitest'
import { allocate, type Data, type DType } from '../../../../src/tensor/dtype.js'
import { bindingKeys, jointDispatch } from '../../../../src/tensor/emit/wgsl/kernels.js'
import type { FusedLoop } from '../../../../src/tensor/program/fused.js'
import type { GpuKernel } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { joint } from '../../../../src/tensor/program/gpu/joint.js'
import type { GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import type { BufferSpec } from '../../../../src/tensor/program/kernel.js'
import { copyWords } from '../../../../src/tensor/run/webgpu/storage.js'
import { runGpuKernel } from '../../program/gpu/interpret.js'
import { dispatcher, type Dispatcher } from '../../run/webgpu/dispatcher.js'
import { gpuForFile } from '../../run/webgpu/gpu-for-file.js'

/**
 * Whether drivers take a loop as it is written: they compute `0 x` and `0 / x` themselves where they see the zero, and then it is 0
 * for NaN and `0 / 0` too.
 */
export const isTakenLiterally = ({ extents, body }: FusedLoop): boolean => {
  const isZero = (x: number): boolean => {
    const step = body[x]
    if (step._tag === 'constant') return step.value === 0
    if (step._tag === 'index')
      return step.at.offset === 0 && step.at.strides.every((s, axis) => s * (extents[axis] - 1) === 0)
    return 'x' in step && step._tag !== 'compare' && isZero(step.x)
  }
  return !body.some(
    (step) =>
      step._tag === 'binary' &&
      step.dtype === 'f32' &&
      ['mul', 'div'].includes(step.fn) &&
      (isZero(step.x) || isZero(step.y))
  )
}

/** Buffers, of which the first begin with `inputs` and the others with what nobody computes. */
export type KernelCase = {
  readonly buffers: ReadonlyArray<BufferSpec>
  readonly inputs: ReadonlyArray<Data>
  readonly kernels: ReadonlyArray<GpuKernel>
}

const spoiled = ({ dtype, size }: BufferSpec): Data => allocate(dtype, size).fill(dtype === 'bool' ? 1 : 113)

const begun = ({ buffers, inputs }: KernelCase): ReadonlyArray<Data> => [
  ...inputs.map((data) => data.slice()),
  ...buffers.slice(inputs.length).map(spoiled)
]

const asWords = (data: Data): Uint32Array =>
  data instanceof Uint8Array
    ? Uint32Array.from(data)
    : new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer)

const asData = (words: ArrayBuffer, dtype: DType, size: number): Data => {
  const out = allocate(dtype, size)
  copyWords(words, dtype, out)
  return out
}

/** All buffers after the kernels, of which several are one launch where they can. */
export const onGpu = async (
  { runAll }: Dispatcher,
  of: KernelCase,
  limits: GpuLimits
): Promise<ReadonlyArray<Data>> => {
  const groups = joint(
    of.kernels,
    limits,
    (kernel) => bindingKeys(kernel, limits),
    () => true
  )
  const list = groups.map((group) =>
    jointDispatch(
      group.map((k) => of.kernels[k]),
      limits
    )
  )
  const results = await runAll(
    list,
    begun(of).map(asWords),
    of.buffers.map((_, i) => i)
  )
  return results.map((words, i) => asData(words, of.buffers[i].dtype, of.buffers[i].size))
}

/** All buffers after the kernels as they are meant. */
export const meant = (of: KernelCase): ReadonlyArray<Data> => {
  const arrays = begun(of)
  of.kernels.forEach((kernel) => runGpuKernel(kernel, arrays))
  return arrays
}

/** That numbers are the same; of two zeros either, and of NaN any. */
export const expectSame = (found: ReadonlyArray<Data>, wanted: ReadonlyArray<Data>): void =>
  wanted.forEach((data, buffer) => {
    expect(found[buffer].length).toBe(data.length)
    const wrong = data.findIndex(
      (x, i) => x !== found[buffer][i] && !(Number.isNaN(x) && Number.isNaN(found[buffer][i]))
    )
    if (wrong >= 0) expect(`${buffer}[${wrong}] = ${found[buffer][wrong]}`).toBe(String(data[wrong]))
  })

/** The dispatcher of a file: of one GPU, whose shaders are compiled once each. */
export const dispatcherForFile = (): (() => Promise<Dispatcher>) => {
  const gpu = gpuForFile()
  let made: Promise<Dispatcher> | undefined
  return () => (made ??= gpu().then(({ device }) => dispatcher(device)))
}
