import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import gpuJsModule from 'gpu.js'
import { afterAll, afterEach, describe, expect, vi } from 'vitest'
import type { Results } from '../../../../src/tensor/emit/gpujs.js'
import type { Contraction } from '../../../../src/tensor/program/kernel.js'
import { showDeviceError, type DeviceError } from '../../../../src/tensor/run/device.js'
import {
  gpuJsProducts,
  type GpuJsProduct,
  type GpuJsProducts
} from '../../../../src/tensor/run/webgpu/gpujs-products.js'
import { cases, excess, hundredths, resultSize, small, type Case } from '../multipliers/contractions.js'
import { itOnWebGpu } from '../multipliers/webgpu.js'
import { readBack, upload } from './dispatcher.js'
import { openGpu, type TestGpu } from './gpu.js'

const right = <A>(found: E.Either<DeviceError, A>): A => {
  if (E.isLeft(found)) throw new Error(showDeviceError(found.left))
  return found.right
}

let opened: Promise<TestGpu> | undefined
const made: Array<GpuJsProducts> = []

const open = async (): Promise<{ readonly gpu: TestGpu; readonly products: GpuJsProducts }> => {
  const gpu = await (opened ??= openGpu())
  if (made.length === 0) made.push(right(await gpuJsProducts(gpu)()))
  return { gpu, products: made[0] }
}

afterEach(() => {
  vi.restoreAllMocks()
})

afterAll(async () => {
  for (const products of made) await products.release()
  const gpu = await opened
  gpu?.release()
})

/** In a pass of our own, into a buffer that is longer than the result and full of NaN. */
const dispatch = async (gpu: TestGpu, product: GpuJsProduct, data: Case): Promise<Float32Array> => {
  const { device } = gpu
  const size = resultSize(data.contraction)
  const buffers = [data.left, data.right, new Float32Array(size + 3).fill(NaN)].map((words) => upload(device, words))
  const { uniform, left, right: other, out } = product.bindings
  device.pushErrorScope('validation')
  const group = device.createBindGroup({
    layout: product.bindGroupLayout,
    entries: [
      { binding: uniform, resource: { buffer: product.uniform } },
      { binding: left.binding, resource: { buffer: buffers[0], offset: left.offset, size: left.size } },
      { binding: other.binding, resource: { buffer: buffers[1], offset: other.offset, size: other.size } },
      { binding: out.binding, resource: { buffer: buffers[2], size: out.size } }
    ]
  })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(product.pipeline)
  pass.setBindGroup(0, group)
  pass.dispatchWorkgroups(...product.workgroups)
  pass.end()
  device.queue.submit([encoder.finish()])
  const error = await device.popErrorScope()
  if (error !== null) throw new Error(error.message)
  const found = new Float32Array(await readBack(device, buffers[2]))
  buffers.forEach((buffer) => buffer.destroy())
  expect([...found.subarray(size)]).toEqual([NaN, NaN, NaN])
  return found.subarray(0, size)
}

const wide = { ...small, n: fc.constantFrom(4, 8), k: fc.integer({ min: 1, max: 12 }) }

const plain = (m: number, n: number, k: number): Contraction => ({
  ...{ batch: [], m, n, k },
  left: { offset: 0, batch: [], row: k, column: 1 },
  right: { offset: 0, batch: [], row: n, column: 1 }
})

const filled = (contraction: Contraction): Case => {
  const wave = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 50 - 1)
  const { m, n, k, left, right: other } = contraction
  return { contraction, left: wave(left.offset + m * k), right: wave(other.offset + k * n) }
}

describe.each([
  { results: 1, sizes: { ...small, k: fc.integer({ min: 1, max: 12 }) } },
  { results: 4, sizes: wide }
] as const)('gpu.js in our pass, with $results results a thread', ({ results, sizes }) => {
  itOnWebGpu('computes the product, whatever the strides and offsets, the same bits every time', () =>
    fc.assert(
      fc.asyncProperty(cases(sizes, hundredths), async (data) => {
        const { gpu, products } = await open()
        const product = right(await products.prepare(data.contraction, results)())
        const found = await dispatch(gpu, product, data)
        expect(excess(data, found)).toBeLessThanOrEqual(0)
        expect(await dispatch(gpu, product, data)).toEqual(found)
      }),
      { numRuns: 8 }
    )
  )

  itOnWebGpu(
    'computes sums that are longer than a loop that gpu.js cannot bound, from the middle of a buffer',
    async () => {
      const { gpu, products } = await open()
      const dense = plain(19, 40, 1100)
      const data = filled({ ...dense, left: { ...dense.left, offset: 131 }, right: { ...dense.right, offset: 70 } })
      const product = right(await products.prepare(data.contraction, results)())
      expect([product.bindings.left.offset, product.bindings.right.offset]).toEqual([
        131 * 4 - ((131 * 4) % gpu.device.limits.minStorageBufferOffsetAlignment),
        70 * 4 - ((70 * 4) % gpu.device.limits.minStorageBufferOffsetAlignment)
      ])
      expect(excess(data, await dispatch(gpu, product, data))).toBeLessThanOrEqual(0)
    }
  )
})

describe('the products of gpu.js on a device', () => {
  const opening = async (limits = {}): Promise<GpuJsProducts> => {
    const { gpu } = await open()
    const products = right(await gpuJsProducts(gpu, limits)())
    made.push(products)
    return products
  }

  itOnWebGpu('build a kernel once, and count it', async () => {
    const products = await opening()
    const prepare = (m: number, n: number, results?: Results): Promise<GpuJsProduct> =>
      products
        .prepare(plain(m, n, 3), results)()
        .then(right)
    const [first, again] = [await prepare(2, 8), await prepare(2, 8)]
    expect(again.pipeline).toBe(first.pipeline)
    expect(first.results).toBe(4)
    expect((await prepare(2, 6)).results).toBe(1)
    await prepare(2, 8, 1)
    expect(products.counts()).toEqual({ 1: 2, 4: 1 })
  })

  itOnWebGpu('say what gpu.js cannot express', async () => {
    const products = await opening({ exact: 100 })
    const refused = async (contraction: Contraction, results?: Results): Promise<unknown> => {
      const found = await products.prepare(contraction, results)()
      return E.isLeft(found) ? found.left : found.right
    }
    expect(await refused(plain(20, 4, 20))).toMatchObject({
      _tag: 'Unsupported',
      device: 'gpu.js:webgpu',
      found: '1 products of [20, 20] and [20, 4], which reach 400 elements of an operand'
    })
    expect(await refused(plain(2, 6, 2), 4)).toMatchObject({ expected: 'rows of a multiple of 4 columns' })
    expect(
      await refused({
        ...plain(1, 1, 1),
        batch: [70_000],
        left: { offset: 0, batch: [0], row: 0, column: 0 },
        right: { offset: 0, batch: [0], row: 0, column: 0 }
      })
    ).toMatchObject({
      expected: 'at most 65535 products of at most 524280 rows and 524280 columns'
    })
    expect(products.counts()).toEqual({ 1: 0, 4: 0 })
  })

  itOnWebGpu('fail when gpu.js puts a kernel of its cpu backend in the place of one', async () => {
    const products = await opening()
    const cpu = new gpuJsModule.GPU({ mode: 'cpu' })
    const create = cpu.createKernel.bind(cpu)
    vi.spyOn(gpuJsModule.GPU.prototype, 'createKernel').mockImplementation(create)
    expect(await products.prepare(plain(2, 4, 2))()).toMatchObject(
      E.left({ _tag: 'DeviceFailed', reason: 'gpu.js made a kernel of another backend: cpu' })
    )
    await cpu.destroy()
  })
})
