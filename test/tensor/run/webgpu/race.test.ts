import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Device } from '../../../../src/tensor/run/device.js'
import { gpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import { chooseTile, gpuTiles, rivalsFor, threadsOf } from '../../../../src/tensor/program/gpu/tiles.js'
import type { Contraction } from '../../../../src/tensor/program/kernel.js'
import { openGpu, type Gpu } from '../../../../src/tensor/run/webgpu/gpu.js'
import { bestTiles } from '../../../../src/tensor/run/webgpu/race.js'
import { webgpuOn } from '../../../../src/tensor/run/webgpu/webgpu.js'
import { inputNode } from '../../../../src/tensor/tensor.js'
import { adapter } from '../../program/gpu/limits.js'
import { itOnWebGpu } from '../multipliers/webgpu.js'
import { refusing, withMemory } from './troubled-gpu.js'

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

describe('a race of tiles goes on', () => {
  /** A GPU that tells times, and whether there is one. */
  const timing = async (): Promise<Gpu | undefined> => {
    const gpu = right(await openGpu()())
    return gpu.device.features.has('timestamp-query') ? gpu : undefined
  }

  itOnWebGpu('without a tile that the driver does not compile, and ends where it compiles none', async () => {
    const gpu = await timing()
    if (gpu === undefined) return
    const expected = await run(await deviceOn(gpu, false), 40, 40)
    let left = 1
    const some = await deviceOn(
      refusing(() => left-- > 0, gpu),
      true
    )
    expect(await run(some, 40, 40)).toEqual(expected)
    expect(left).toBeLessThan(0)
    const none = await deviceOn(
      refusing(() => true, gpu),
      true
    )
    const out = new Float32Array(24 * 24)
    expect(await right(none.load(programFor(24, 24))).run([noise(24 * 6), noise(6 * 24)], [out])()).toMatchObject(
      E.left({ _tag: 'DeviceFailed', reason: expect.stringContaining('refused') as unknown })
    )
  })

  itOnWebGpu('to the next run where there is no room for it beside what is there', async () => {
    const gpu = await timing()
    if (gpu === undefined) return
    const sets = vi.spyOn(gpu.device, 'createQuerySet')
    const budget = { bytes: Infinity, used: 0 }
    const device = await deviceOn(withMemory(budget, gpu), true)
    const specs = [
      { dtype: 'f32', shape: [40, 6] },
      { dtype: 'f32', shape: [6, 24] },
      { dtype: 'f32', shape: [40, 24] }
    ] as const
    const { list } = right(await device.allocate(specs)())
    right(await device.write(list.slice(0, 2), [noise(240), noise(144)])())
    budget.bytes = budget.used
    const compute = async () => {
      right(await right(device.load(programFor(40, 24))).run(list.slice(0, 2), list.slice(2))())
      return right(await device.read(list.slice(2))())[0]
    }
    const found = await compute()
    expect(sets).not.toHaveBeenCalled()
    budget.bytes = Infinity
    expect(await compute()).toEqual(found)
    expect(sets).toHaveBeenCalledTimes(1)
    expect(found).toEqual(await run(await deviceOn(gpu, false), 40, 24))
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
        const best = bestTiles(products) ?? []
        expect(best).toHaveLength(products.length)
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

  it('are those that are taken without a race where times are equal', () => {
    const size = fc.integer({ min: 1, max: 3000 })
    const { products: limits } = gpuLimits(adapter, false)
    fc.assert(
      fc.property(size, size, size, (m, n, k) => {
        const dense = { offset: 0, batch: [], row: 1, column: 1 }
        const contraction: Contraction = { batch: [], m, n, k, left: dense, right: dense }
        const times = rivalsFor(contraction, limits).map((tile) => ({ tile, nanoseconds: 0 }))
        expect(bestTiles([times])).toEqual([chooseTile(contraction, limits)])
      })
    )
  })

  it('are not told where no number of threads has a time of each', () => {
    const [few, many] = [128, 256].map((threads) => gpuTiles.filter((tile) => threadsOf(tile) === threads)[0])
    const timed = (tile: typeof few) => ({ tile, nanoseconds: 1 })
    expect(bestTiles([[timed(few)], [timed(many)]])).toBeUndefined()
    expect(bestTiles([[timed(few), timed(many)], []])).toBeUndefined()
    expect(bestTiles([[timed(few), timed(many)], [timed(many)]])).toEqual([many, many])
  })
})
