import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Device } from '../../../../src/tensor/run/device.js'
import { gpuTiles, threadsOf } from '../../../../src/tensor/program/gpu/tiles.js'
import { openGpu, type Gpu } from '../../../../src/tensor/run/webgpu/gpu.js'
import { bestTiles } from '../../../../src/tensor/run/webgpu/race.js'
import { webgpuOn } from '../../../../src/tensor/run/webgpu/webgpu.js'
import { inputNode } from '../../../../src/tensor/tensor.js'
import { itOnWebGpu } from '../multipliers/webgpu.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const opened: Array<Device<'async'>> = []
afterAll(() => Promise.all(opened.map(({ release }) => release())))

const deviceOn = async (gpu: Gpu, race: boolean): Promise<Device<'async'>> => {
  const device = right(await webgpuOn(gpu, { limits: (known) => ({ ...known, race }) })())
  opened.push(device)
  return device
}

const programFor = (m: number, n: number) => {
  const [a, b] = [inputNode('a', [m, 6], 'f32'), inputNode('b', [6, n], 'f32')]
  const c = pipe(a, matmul(b))
  return lower([{ name: 'c', tensor: c }], [a, b]).program
}

const noise = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898))

const run = async (device: Device<'async'>, m: number, n: number): Promise<Float32Array> => {
  const out = new Float32Array(m * n)
  right(await right(device.load(programFor(m, n))).run([noise(m * 6), noise(6 * n)], [out])())
  return out
}

describe('a race of tiles', () => {
  itOnWebGpu('changes no bit, and is run once for each distinct product of a device', async () => {
    const gpu = right(await openGpu()())
    const sets = vi.spyOn(gpu.device, 'createQuerySet')
    const expected = await run(await deviceOn(gpu, false), 40, 24)
    expect(sets).toHaveBeenCalledTimes(0)
    if (!gpu.device.features.has('timestamp-query')) return
    const racing = await deviceOn(gpu, true)
    expect(await run(racing, 40, 24)).toEqual(expected)
    expect(sets).toHaveBeenCalledTimes(1)
    expect(await run(racing, 40, 24)).toEqual(expected)
    expect(sets).toHaveBeenCalledTimes(1)
    await run(racing, 24, 40)
    expect(sets).toHaveBeenCalledTimes(2)
  })

  itOnWebGpu('is left where an adapter tells no times', async () => {
    const gpu = right(await openGpu({ without: ['timestamp-query'] })())
    const sets = vi.spyOn(gpu.device, 'createQuerySet')
    const device = await deviceOn(gpu, true)
    expect(await run(device, 8, 8)).toEqual(await run(await deviceOn(gpu, false), 8, 8))
    expect(sets).not.toHaveBeenCalled()
  })
})

describe('the tiles of products that run at once', () => {
  const times = fc.array(
    fc
      .tuple(...gpuTiles.map(() => fc.integer({ min: 1, max: 50 })))
      .map((all) => gpuTiles.map((tile, i) => ({ tile, nanoseconds: all[i] }))),
    { minLength: 1, maxLength: 3 }
  )

  it('are of one number of threads, and of those the ones that take least time in all', () => {
    fc.assert(
      fc.property(times, (products) => {
        const best = bestTiles(products)
        expect(new Set(best.map(threadsOf)).size).toBe(1)
        const took = products.map((raced, i) => raced.find(({ tile }) => tile === best[i])?.nanoseconds ?? NaN)
        const total = (list: ReadonlyArray<number>): number => list.reduce((a, b) => a + b, 0)
        const ways = [128, 256].map((threads) =>
          total(
            products.map((raced) =>
              Math.min(...raced.filter(({ tile }) => threadsOf(tile) === threads).map(({ nanoseconds }) => nanoseconds))
            )
          )
        )
        expect(total(took)).toBe(Math.min(...ways))
      })
    )
  })
})
