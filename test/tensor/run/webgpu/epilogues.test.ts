import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { afterAll, describe, expect } from 'vitest'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import type { Device } from '../../../../src/tensor/run/device.js'
import type { SplitRule } from '../../../../src/tensor/program/gpu/tiles.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { webgpu } from '../../../../src/tensor/run/webgpu/webgpu.js'
import { productGraphs } from '../../program/gpu/product-graphs.js'
import { itOnWebGpu } from '../multipliers/webgpu.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const devices: Array<Device<'async'>> = []
afterAll(() => Promise.all(devices.map(({ release }) => release())))

/** Sums are whole, or cut into slices of two terms. */
const whole: Partial<SplitRule> = {}
const cut: Partial<SplitRule> = { processors: 64, outputs: 4, terms: 2, unit: 1 }

describe.each([
  [4, cut],
  [6, whole],
  [12, cut]
] as const)('products with %i buffers a kernel', (kernelBuffers, split) => {
  itOnWebGpu('and what is done to them next are exactly what the reference says of integers', async () => {
    const device = right(
      await webgpu({
        limits: (known) => ({
          ...known,
          joined: 4,
          products: { ...known.products, split: { ...known.products.split, ...split } },
          loops: { ...known.loops, kernelBuffers, joinedBuffers: kernelBuffers }
        })
      })()
    )
    devices.push(device)
    const exact = reference({ floats: 'float32' })
    await fc.assert(
      fc.asyncProperty(productGraphs, async ({ program, data }) => {
        const [found, wanted] = [0, 1].map(() => allocateOutputs(program, 'float32'))
        right(await right(device.load(program)).run(data, found)())
        right(right(exact.load(program)).run(data, wanted)())
        // 0 and -0 are one number here: sums of zeros may begin with either.
        expect(found.map((x) => Array.from(x, (v) => v + 0))).toEqual(wanted.map((x) => Array.from(x, (v) => v + 0)))
      }),
      { numRuns: 60, endOnFailure: true }
    )
  })
})
