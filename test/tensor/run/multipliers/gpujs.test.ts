import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import gpuJsModule from 'gpu.js'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { showDeviceError, type DeviceError } from '../../../../src/tensor/run/device.js'
import type { GpuJsArithmetic } from '../../../../src/tensor/emit/gpujs.js'
import { gpuJs, type GpuJsBackend, type GpuJsMultiplier } from '../../../../src/tensor/run/multipliers/gpujs.js'
import type { Contraction } from '../../../../src/tensor/program/kernel.js'
import { cases, excess, hundredths, resultSize, small, type Case } from './contractions.js'
import { itOnWebGpu } from './webgpu.js'

const right = <A>(found: E.Either<DeviceError, A>): A => {
  if (E.isLeft(found)) throw new Error(showDeviceError(found.left))
  return found.right
}

const left = <A>(found: E.Either<DeviceError, A>): DeviceError => {
  if (E.isRight(found)) throw new Error('succeeded')
  return found.left
}

const using =
  (
    backend: GpuJsBackend,
    use: (multiplier: GpuJsMultiplier) => Promise<void>,
    limits: Partial<GpuJsArithmetic> = {}
  ): (() => Promise<void>) =>
  async () => {
    const multiplier = right(await gpuJs(backend, limits)())
    try {
      await use(multiplier)
    } finally {
      await multiplier.release()
    }
  }

const attempt = async (multiplier: GpuJsMultiplier, data: Case): Promise<E.Either<DeviceError, Float32Array>> => {
  const out = new Float32Array(resultSize(data.contraction)).fill(NaN)
  const done = await right(multiplier.prepare(data.contraction))(data.left, data.right, out)()
  return E.isLeft(done) ? done : E.right(out)
}

const multiply = async (multiplier: GpuJsMultiplier, data: Case): Promise<Float32Array> =>
  right(await attempt(multiplier, data))

const plain = (m: number, n: number, k: number): Contraction => ({
  batch: [],
  m,
  n,
  k,
  left: { offset: 0, batch: [], row: k, column: 1 },
  right: { offset: 0, batch: [], row: n, column: 1 }
})

const twoByTwo: Case = {
  contraction: plain(2, 2, 2),
  left: Float32Array.of(1, 2, 3, 4),
  right: Float32Array.of(5, 6, 7, 8)
}

const product = [19, 22, 43, 50]

/** More terms than the 1,000 turns after which gpu.js stops a loop that it cannot bound. */
const long = { ...small, batch: fc.constant([]), k: fc.integer({ min: 1001, max: 1300 }) }

beforeAll(async () => {
  // The first import of gpu.js takes seconds on a slow machine; no test should pay for it.
  await import('gpu.js')
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe.each([
  { backend: 'webgpu', test: itOnWebGpu },
  { backend: 'webasm', test: it },
  { backend: 'cpu', test: it }
] as const)('gpu.js:$backend', ({ backend, test }) => {
  test(
    'multiplies, and the kernel that did it says that it ran on the backend asked for',
    using(backend, async (multiplier) => {
      expect(multiplier.executed()).toEqual([])
      expect([...(await multiply(multiplier, twoByTwo))]).toEqual(product)
      expect(multiplier.executed()).toEqual([backend])
      expect(multiplier.name).toBe(`gpu.js:${backend}`)
      expect(multiplier.timing).toBe('async')
    })
  )

  test(
    'agrees with the float64 product on any strides, within the rounding of k products and sums',
    using(backend, (multiplier) =>
      fc.assert(
        fc.asyncProperty(cases(small, hundredths), async (data) => {
          expect(excess(data, await multiply(multiplier, data))).toBeLessThanOrEqual(0)
        }),
        { numRuns: 25 }
      )
    )
  )

  test(
    'sums all of more than a thousand terms',
    using(backend, (multiplier) =>
      fc.assert(
        fc.asyncProperty(cases(long, fc.constantFrom(1, 2)), async (data) => {
          expect(excess(data, await multiply(multiplier, data))).toBeLessThanOrEqual(0)
        }),
        { numRuns: 4 }
      )
    )
  )

  test(
    'agrees with it where sums are cut in blocks',
    using(
      backend,
      (multiplier) =>
        fc.assert(
          fc.asyncProperty(cases({ ...small, k: fc.integer({ min: 3, max: 30 }) }, hundredths), async (data) => {
            expect(excess(data, await multiply(multiplier, data))).toBeLessThanOrEqual(0)
          }),
          { numRuns: 10 }
        ),
      { block: 3 }
    )
  )

  test(
    'sums more terms than floats can count',
    using(backend, async (multiplier) => {
      const k = 2 ** 24 + 8
      const scalar = { offset: 0, batch: [], row: 0, column: 0 }
      const found = await multiply(multiplier, {
        contraction: { batch: [], m: 1, n: 1, k, left: scalar, right: scalar },
        left: Float32Array.of(1),
        right: Float32Array.of(1)
      })
      expect([...found]).toEqual([k])
    })
  )

  test(
    'refuses operands that its addresses do not reach, before it has run',
    using(
      backend,
      (multiplier) => {
        const { contraction } = twoByTwo
        expect(E.isRight(multiplier.prepare({ ...contraction, left: { ...contraction.left, row: 6 } }))).toBe(true)
        expect(left(multiplier.prepare({ ...contraction, left: { ...contraction.left, row: 8 } }))).toMatchObject({
          _tag: 'Unsupported'
        })
        return Promise.resolve()
      },
      { exact: 7 }
    )
  )

  test(
    'reads the right elements beyond index 2^24, where floats no longer tell neighbours apart',
    using(backend, async (multiplier) => {
      const far = 2 ** 24
      const marked = new Float32Array(far + 4)
      marked.set([1, 2, 3, 4], far)
      // Element (b, c, i) is at b (2^24 - 3) + 2 c + 2 i: the batch axes do not merge, and b = c = i = 1 is at 2^24 + 1.
      const found = await multiply(multiplier, {
        contraction: {
          batch: [2, 2],
          m: 2,
          n: 1,
          k: 1,
          left: { offset: 0, batch: [far - 3, 2], row: 2, column: 1 },
          right: { offset: 0, batch: [0, 0], row: 0, column: 0 }
        },
        left: marked,
        right: Float32Array.of(1)
      })
      expect([...found]).toEqual([0, 0, 0, 0, 0, 0, 0, 2])
      // The same place by the counter of the sum.
      const summed = await multiply(multiplier, {
        contraction: {
          batch: [],
          m: 2,
          n: 1,
          k: 2,
          left: { offset: 0, batch: [], row: 2, column: far + 1 },
          right: { offset: 0, batch: [], row: 0, column: 0 }
        },
        left: marked,
        right: Float32Array.of(1)
      })
      expect([...summed]).toEqual([2, 4])
    })
  )

  test(
    'never sees the tail of an earlier, longer operand',
    using(backend, async (multiplier) => {
      const run = right(multiplier.prepare(twoByTwo.contraction))
      const longer = Float32Array.of(1, 2, 3, 4, 99, 99)
      for (const operand of [longer, twoByTwo.left, longer]) {
        const out = new Float32Array(4)
        right(await run(operand, twoByTwo.right, out)())
        expect([...out]).toEqual(product)
      }
    })
  )

  test(
    'reads operands from shared memory, and writes its result there',
    using(backend, async (multiplier) => {
      const shared = (values: ArrayLike<number>): Float32Array => {
        const view = new Float32Array(new SharedArrayBuffer(4 * values.length))
        view.set(values)
        return view
      }
      const out = shared([0, 0, 0, 0])
      const run = right(multiplier.prepare(twoByTwo.contraction))
      right(await run(shared(twoByTwo.left), shared(twoByTwo.right), out)())
      expect([...out]).toEqual(product)
    })
  )

  test(
    'answers overlapping runs of one contraction each with its own product',
    using(backend, async (multiplier) => {
      const scaled = (factor: number): Case => ({ ...twoByTwo, left: twoByTwo.left.map((x) => factor * x) })
      const found = await Promise.all([1, 2, 3].map((factor) => multiply(multiplier, scaled(factor))))
      expect(found.map((out) => [...out])).toEqual([1, 2, 3].map((factor) => product.map((x) => factor * x)))
    })
  )

  test(
    'refuses arrays that do not hold its operands or its result',
    using(backend, async (multiplier) => {
      const run = right(multiplier.prepare(twoByTwo.contraction))
      const [two, four] = [new Float32Array(2), new Float32Array(4)]
      for (const [a, b, out] of [
        [two, four, four],
        [four, two, four],
        [four, four, two]
      ]) {
        expect(left(await run(a, b, out)())).toMatchObject({ _tag: 'WrongArrays', device: `gpu.js:${backend}` })
      }
    })
  )

  test('is an error to use once released, and can be released twice', async () => {
    const multiplier = right(await gpuJs(backend)())
    const run = right(multiplier.prepare(twoByTwo.contraction))
    await multiplier.release()
    await multiplier.release()
    expect(left(await run(twoByTwo.left, twoByTwo.right, new Float32Array(4))())).toMatchObject({
      _tag: 'DeviceFailed',
      reason: 'it has been released'
    })
    expect(left(multiplier.prepare(twoByTwo.contraction))).toMatchObject({ _tag: 'DeviceFailed' })
  })

  test('does not disturb another multiplier of the same backend by its release', async () => {
    const [first, second] = [right(await gpuJs(backend)()), right(await gpuJs(backend)())]
    await multiply(first, twoByTwo)
    await first.release()
    expect([...(await multiply(second, twoByTwo))]).toEqual(product)
    await second.release()
  })
})

describe('a backend other than the one asked for', () => {
  type Creator = { createKernel: (source: string, settings: object) => unknown }
  const { GPU, WebAssemblyKernel } = gpuJsModule as unknown as {
    readonly GPU: { new (settings: { readonly mode: string }): Creator; readonly prototype: Creator }
    readonly WebAssemblyKernel: { readonly prototype: { translateSource: () => boolean } }
  }

  it(
    'is an error when gpu.js would degrade to it',
    using('webasm', async (multiplier) => {
      vi.spyOn(WebAssemblyKernel.prototype, 'translateSource').mockReturnValue(false)
      const error = left(await attempt(multiplier, twoByTwo))
      expect(error).toMatchObject({ _tag: 'DeviceFailed', device: 'gpu.js:webasm' })
      expect(showDeviceError(error)).toContain('would degrade this kernel to its cpu backend')
      expect(multiplier.executed()).toEqual([])
    })
  )

  it(
    'is an error when it is what ran',
    using('webasm', async (multiplier) => {
      const elsewhere = new GPU({ mode: 'cpu' })
      const { createKernel } = GPU.prototype
      vi.spyOn(GPU.prototype, 'createKernel').mockImplementation((source, settings) =>
        createKernel.call(elsewhere, source, settings)
      )
      expect(left(await attempt(multiplier, twoByTwo))).toMatchObject({
        _tag: 'DeviceFailed',
        reason: 'the kernel ran on another backend of gpu.js: cpu'
      })
      expect(multiplier.executed()).toEqual(['cpu'])
    })
  )

  it('is an error when there is no such backend here, naming those that there are', async () => {
    expect(left(await gpuJs('webgl2')())).toMatchObject({
      _tag: 'DeviceUnavailable',
      wanted: 'gpu.js:webgl2',
      available: expect.arrayContaining(['gpu.js:webasm', 'gpu.js:cpu']) as unknown
    })
  })
})
