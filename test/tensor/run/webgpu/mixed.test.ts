import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { afterAll, describe, expect, it } from 'vitest'
import { allocate, type Data } from '../../../../src/tensor/dtype.js'
import { maximum } from '../../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { gpuLimits, type GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import type { GpuKernel } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { range } from '../../../../src/tensor/range.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import { showDeviceError, type Device } from '../../../../src/tensor/run/device.js'
import { compileForGpu, grouped } from '../../../../src/tensor/run/webgpu/compilation.js'
import { webgpu, type WebGpuOptions } from '../../../../src/tensor/run/webgpu/webgpu.js'
import { inputNode } from '../../../../src/tensor/tensor.js'
import { dispatcherForFile } from '../../emit/wgsl/on-gpu.js'
import { roundedToHalf } from '../../emit/wgsl/halves.js'
import { right } from '../../program/agreement.js'
import { adapter } from '../../program/gpu/limits.js'
import { runGpuKernel } from '../../program/gpu/interpret.js'
import { productGraphs, roundedGraphs } from '../../program/gpu/product-graphs.js'
import { runKernel } from '../../program/interpret.js'
import { itOnWebGpu, itWithHalves } from '../multipliers/webgpu.js'
import { pipelineOf, type Dispatcher } from './dispatcher.js'
import { openNull } from './gpu.js'

const dispatcherOf = dispatcherForFile()

const devices: Array<Device<'async'>> = []
afterAll(() => Promise.all(devices.map(({ release }) => release())))

const deviceWith = async (options: WebGpuOptions): Promise<Device<'async'>> => {
  const device = right(await webgpu(options)())
  devices.push(device)
  return device
}

const run = async (
  device: Device<'async'>,
  program: Program,
  data: ReadonlyArray<Data>
): Promise<ReadonlyArray<Data>> => {
  const out = allocateOutputs(program, 'float32')
  right(await right(device.load(program)).run(data, out)())
  return out
}

/** Sums of three terms and more are cut, and kernels joined, in programs as small as those here. */
const cut = (limits: GpuLimits): GpuLimits => ({
  ...limits,
  joined: 4,
  products: { ...limits.products, split: { processors: 4, outputs: 4, terms: 2, unit: 1 } }
})

const runRounded = (kernel: GpuKernel, arrays: Array<Data>): void => {
  if (kernel._tag !== 'contraction') return runGpuKernel(kernel, arrays)
  const { left, right: other, epilogue } = kernel
  const rounded = arrays.map((array, i) => (i === left || i === other ? array.map(roundedToHalf) : array))
  runGpuKernel({ ...kernel, epilogue: undefined }, rounded)
  if (epilogue !== undefined) runKernel(epilogue.loop, arrays)
}

/** A program carried out literally, kernel by kernel as it is lowered, with every rounding to f16 that mixed precision has. */
const meant = (program: Program, data: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const limits = cut(gpuLimits(adapter, true, { precision: 'mixed', matrices: false }))
  const { kernels, halves } = compileForGpu(program, limits, undefined)
  const { lowered, groups } = grouped(kernels, limits, undefined)
  const arrays = lowered.buffers.map(({ dtype, size }, i) =>
    i < data.length ? data[i].slice() : allocate(dtype, size)
  )
  groups.flat().forEach(({ kernel }) => {
    runRounded(kernel, arrays)
    halves.forEach((buffer) => (arrays[buffer] = arrays[buffer].map(roundedToHalf)))
  })
  return arrays.slice(kernels.inputs, kernels.inputs + kernels.outputs)
}

/**
 * The same on a GPU, with every f16 an f32, for adapters that have no other: what is stored is rounded before, so it makes no difference
 * but in bytes.
 */
const emulated = async (
  { runAll }: Dispatcher,
  program: Program,
  data: ReadonlyArray<Data>
): Promise<ReadonlyArray<Data>> => {
  const limits = cut(gpuLimits(adapter, true, { precision: 'mixed', matrices: false }))
  const { kernels, bytes, halves, launches } = compileForGpu(program, limits, undefined)
  const widened = (code: string): string => code.replace('enable f16;', '').replace(/\bf16\b/g, 'f32')
  const list = launches.flatMap(({ work }) =>
    work._tag === 'dispatch' ? [{ ...work, shader: { ...work.shader, code: widened(work.shader.code) } }] : []
  )
  const contents = bytes.map((each, i) =>
    i < data.length
      ? Float32Array.from(data[i])
      : new Float32Array(halves.has(i) ? kernels.buffers[i].size : each / 4).fill(NaN)
  )
  const outputs = range(kernels.outputs).map((i) => kernels.inputs + i)
  const found = await runAll(list, contents, outputs)
  return found.map((words, i) => new Float32Array(words, 0, kernels.buffers[outputs[i]].size))
}

/** 0 and -0 are one number here: sums of zeros may begin with either. */
const numbers = (arrays: ReadonlyArray<Data>): ReadonlyArray<ReadonlyArray<number>> =>
  arrays.map((array) => Array.from(array, (x) => x + 0))

describe('mixed precision', () => {
  itWithHalves('computes what it does in float32 where float16 holds every number', async () => {
    const [mixed, single] = [await deviceWith({ precision: 'mixed', limits: cut }), await deviceWith({})]
    await fc.assert(
      fc.asyncProperty(productGraphs, async ({ program, data }) => {
        expect(numbers(await run(mixed, program, data))).toEqual(numbers(await run(single, program, data)))
      }),
      { numRuns: 8, endOnFailure: true }
    )
  })

  itOnWebGpu('rounds what is stored as float16 and what products multiply, and nothing else', async () => {
    const dispatching = await dispatcherOf()
    await fc.assert(
      fc.asyncProperty(roundedGraphs, async ({ program, data }) => {
        expect(numbers(await emulated(dispatching, program, data))).toEqual(numbers(meant(program, data)))
      }),
      { numRuns: 25, endOnFailure: true }
    )
  })

  it('is printed as WGSL that compiles where there is float16', async () => {
    const none = await openNull()
    try {
      for (const { program } of fc.sample(roundedGraphs, { numRuns: 20, seed: 1 })) {
        const limits = cut(gpuLimits(adapter, false, { precision: 'mixed', matrices: false }))
        for (const { work } of compileForGpu(program, limits, undefined).launches)
          if (work._tag === 'dispatch') await pipelineOf(none.device, work.shader.code)
      }
    } finally {
      none.release()
    }
  })

  itWithHalves('has float16 do the same, the same twice', async () => {
    const device = await deviceWith({ precision: 'mixed', limits: cut })
    await fc.assert(
      fc.asyncProperty(roundedGraphs, async ({ program, data }) => {
        const found = await run(device, program, data)
        expect(numbers(found)).toEqual(numbers(meant(program, data)))
        expect(await run(device, program, data)).toEqual(found)
      }),
      { numRuns: 10, endOnFailure: true }
    )
  })

  const inputs = ['x', 'a', 'b', 'c'].map((name) => inputNode(name, [64, 64], 'f32'))
  const [x, a, b, c] = inputs
  const y = pipe(x, matmul(a), maximum(0), matmul(b), maximum(0), matmul(c))
  const chain = lower([{ name: 'y', tensor: y }], inputs).program

  itWithHalves('needs half the memory where everything is an operand', async () => {
    const [mixed, single] = [await deviceWith({ precision: 'mixed' }), await deviceWith({})]
    const bytes = (device: Device<'async'>): number => right(device.load(chain)).workingBytes
    expect(bytes(mixed)).toBe(bytes(single) / 2)
  })

  itOnWebGpu('is refused by name where the adapter has no float16, and where gpu.js multiplies', async () => {
    const without = await webgpu({ precision: 'mixed', without: ['shader-f16'] })()
    expect(without).toMatchObject(E.left({ _tag: 'DeviceUnavailable', wanted: 'mixed precision' }))
    if (E.isLeft(without)) expect(showDeviceError(without.left)).toMatch(/shader-f16.*Available here: float32$/)
    expect(await webgpu({ precision: 'mixed', products: 'gpu.js' })()).toMatchObject(E.left({ _tag: 'Unsupported' }))
  })
})
