import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import { placed, sizeClass, type Placement } from '../../../../src/tensor/program/gpu/placement.js'
import { range } from '../../../../src/tensor/range.js'
import { apart, compileForGpu, type Launch } from '../../../../src/tensor/run/webgpu/compilation.js'
import { programOf } from '../agreement.js'
import { graphs } from '../graphs.js'
import { limitsWith } from './limits.js'
import { productGraphs } from './product-graphs.js'

/** Buffers, of which the first `fixed` are inputs and outputs, and dispatches over them. */
type Case = {
  readonly bytes: ReadonlyArray<number>
  readonly fixed: number
  readonly dispatches: ReadonlyArray<{ readonly buffers: ReadonlyArray<number> }>
}

const casesOf = (bytes: fc.Arbitrary<number>): fc.Arbitrary<Case> =>
  fc
    .record({
      bytes: fc.array(bytes, { minLength: 1, maxLength: 24 }),
      fixed: fc.nat({ max: 4 }),
      lists: fc.array(fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 5 }), { maxLength: 30, size: 'max' }),
      spread: fc.constantFrom(3, 6, 1000)
    })
    .map(({ bytes, fixed, lists, spread }) => ({
      bytes,
      fixed: Math.min(fixed, bytes.length),
      // Mostly neighbours in time use neighbours in number, as in a program.
      dispatches: lists.map((list, k) => ({ buffers: list.map((n) => (k + (n % spread)) % bytes.length) }))
    }))

const anyBytes = fc.oneof(fc.integer({ min: 4, max: 600 }), fc.integer({ min: 4, max: 2 ** 30 }))

const cases = casesOf(anyBytes)

/** The temporaries that are alive at each dispatch: used by then and not for the last time before. */
const alive = ({ bytes, fixed, dispatches }: Case): ReadonlyArray<ReadonlyArray<number>> => {
  const usedIn = (b: number, list: Case['dispatches']): boolean => list.some(({ buffers }) => buffers.includes(b))
  return dispatches.map((_, k) =>
    range(bytes.length).filter(
      (b) => b >= fixed && usedIn(b, dispatches.slice(0, k + 1)) && usedIn(b, dispatches.slice(k))
    )
  )
}

const placementOf = ({ bytes, fixed, dispatches }: Case): Placement => placed(bytes, fixed, dispatches)

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0)

/** The most that is alive at once, in bytes of classes. */
const mostAlive = (of: Case): number =>
  Math.max(0, ...alive(of).map((list) => sum(list.map((b) => sizeClass(of.bytes[b])))))

describe('a class of sizes', () => {
  it('holds its bytes, wastes at most a quarter of them from 256 on, and is its own class', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2 ** 40 })), (bytes) => {
        const size = sizeClass(bytes)
        expect(size).toBeGreaterThanOrEqual(bytes)
        expect(size).toBeLessThanOrEqual(Math.max(256, 1.25 * bytes))
        expect(size % 4).toBe(0)
        expect(sizeClass(size)).toBe(size)
      }),
      { numRuns: 2000 }
    )
  })

  it('is one of four to a power of two', () => {
    const classes = new Set(range(4097).map((bytes) => sizeClass(Math.max(1, bytes))))
    expect([...classes]).toEqual([
      256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096
    ])
  })
})

describe('temporaries in slots', () => {
  it('have one each where they are used, and no other buffers have', () => {
    fc.assert(
      fc.property(cases, (of) => {
        const { slotOf, slots } = placementOf(of)
        const used = new Set(of.dispatches.flatMap(({ buffers }) => buffers))
        expect(slotOf).toHaveLength(of.bytes.length)
        slotOf.forEach((slot, b) => {
          expect(slot !== undefined).toBe(b >= of.fixed && used.has(b))
          if (slot !== undefined) expect(slots[slot]).toBeDefined()
        })
      })
    )
  })

  it('share none while they are alive at once, which no dispatch sees twice', () => {
    fc.assert(
      fc.property(cases, (of) => {
        const { slotOf } = placementOf(of)
        alive(of).forEach((list) => expect(new Set(list.map((b) => slotOf[b])).size).toBe(list.length))
      }),
      { numRuns: 1000 }
    )
  })

  it('fit, and waste at most half of their class beside it', () => {
    fc.assert(
      fc.property(cases, (of) => {
        const { slotOf, slots } = placementOf(of)
        slotOf.forEach((slot, b) => {
          if (slot === undefined) return
          expect(slots[slot]).toBeGreaterThanOrEqual(of.bytes[b])
          expect(slots[slot]).toBeLessThanOrEqual(1.5 * sizeClass(of.bytes[b]))
        })
      }),
      { numRuns: 1000 }
    )
  })

  // A slot is made where all of its size are taken, each by a buffer of two thirds of it or more.
  it('take of each size at most one and a half times the most that is alive at once', () => {
    fc.assert(
      fc.property(cases, (of) => {
        const { slots } = placementOf(of)
        const most = mostAlive(of)
        for (const size of new Set(slots))
          expect(sum(slots.filter((other) => other === size))).toBeLessThanOrEqual(1.5 * most)
      }),
      { numRuns: 1000 }
    )
  })

  it('take what is alive at once and no more where all are of one class', () => {
    fc.assert(
      fc.property(casesOf(fc.integer({ min: 1025, max: 1280 })), (of) => {
        expect(sum(placementOf(of).slots)).toBe(mostAlive(of))
      }),
      { numRuns: 1000 }
    )
  })
})

describe('the dispatches of a program', () => {
  const programs = fc.oneof(
    graphs(40).map(programOf),
    productGraphs.map(({ program }) => program)
  )
  const withBuffers = (kernelBuffers: number) =>
    limitsWith(kernelBuffers, { chunks: 4, chunkRows: 1, scatterBlock: 2, longRow: 4, lanes: 2 })
  /** The same, where sums of two terms and more are cut. */
  const cutting = (kernelBuffers: number): GpuLimits => {
    const limits = withBuffers(kernelBuffers)
    return { ...limits, products: { ...limits.products, split: { processors: 64, outputs: 4, terms: 1, unit: 1 } } }
  }
  const compiled = fc
    .tuple(programs, fc.constantFrom(...[4, 5, 8].flatMap((buffers) => [withBuffers(buffers), cutting(buffers)])))
    .map(([program, limits]) => ({ limits, ...compileForGpu(program, limits, undefined) }))

  it('never bind one place twice where they write it', () => {
    fc.assert(
      fc.property(compiled, ({ launches, placement: { slotOf } }) => {
        launches.forEach(({ buffers, work }) => {
          if (work._tag === 'gpu.js') return
          const { access } = work.shader
          const places = buffers.map((b) => (slotOf[b] === undefined ? `buffer ${b}` : `slot ${slotOf[b]}`))
          const written = places.filter((_, i) => access[i] === 'write')
          written.forEach((place) => expect(places.filter((other) => other === place)).toHaveLength(1))
        })
      }),
      { numRuns: 150, endOnFailure: true }
    )
  })

  it('bind as many buffers as their shaders have bindings, on grids that a device takes', () => {
    fc.assert(
      fc.property(compiled, ({ limits, launches, bytes }) => {
        launches.forEach(({ buffers, work }) => {
          if (work._tag === 'gpu.js') return
          expect(buffers).toHaveLength(work.shader.access.length)
          expect(buffers.length).toBeLessThanOrEqual(limits.loops.kernelBuffers)
          buffers.forEach((b) => expect(bytes[b]).toBeGreaterThanOrEqual(4))
          work.workgroups.forEach((groups) => expect(groups).toBeLessThanOrEqual(65_535))
        })
      }),
      { numRuns: 150, endOnFailure: true }
    )
  })
  it('are, kernel by kernel, all of its kernels over the same buffers', () => {
    fc.assert(
      fc.property(compiled, ({ limits, launches, halves }) => {
        for (const launch of launches) {
          const alone = apart(launch, limits, halves)
          expect(alone.map(({ origins }) => origins)).toEqual(launch.origins.map((origin) => [origin]))
          expect(new Set(alone.flatMap(({ buffers }) => buffers))).toEqual(new Set(launch.buffers))
          const kernelsOf = ({ work }: Launch) => (work._tag === 'gpu.js' ? [] : work.kernels)
          expect(alone.flatMap(kernelsOf)).toEqual(kernelsOf(launch))
        }
      }),
      { numRuns: 100, endOnFailure: true }
    )
  })
})
