import fc from 'fast-check'
import { isLeft } from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { hessianVectorProduct } from '../../../src/autodiff/index.js'
import { matmul, sum, tanh, type Tensor } from '../../../src/tensor/index.js'
import { bytesPerElement } from '../../../src/tensor/dtype.js'
import { fuse, unfused } from '../../../src/tensor/program/fuse.js'
import { readsOfFused, writesOfFused, type FusedKernel, type FusedProgram } from '../../../src/tensor/program/fused.js'
import { alignment } from '../../../src/tensor/alignment.js'
import { lifetimesOf, plan, type Lifetime } from '../../../src/tensor/program/plan.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { panelledEverywhere } from './everywhere.js'
import { programOf } from './agreement.js'
import { graphs, type Graph } from './graphs.js'
import { batchedProducts } from './products.js'

const fused = (graph: Graph): FusedProgram => fuse(schedule(programOf(graph), wasmLimits), wasmLimits)

/** One graph of several: their kernels stand between one another's. */
const sideBySide = (all: ReadonlyArray<Graph>): Graph => ({
  inputs: all.flatMap(({ inputs }) => inputs),
  data: all.flatMap(({ data }) => data),
  outputs: all.flatMap(({ outputs }) => outputs)
})

/** Also cut into panels, which write two places, one of them by parts; and not fused, which leaves the most temporaries. */
const programs = fc.oneof(
  graphs(40).map(fused),
  graphs(40).map((graph) => unfused(schedule(programOf(graph), wasmLimits), wasmLimits)),
  graphs(40).map((graph) => panelledEverywhere(fused(graph))),
  fc.array(batchedProducts(), { minLength: 1, maxLength: 3 }).map((all) => panelledEverywhere(fused(sideBySide(all))))
)

/** A kernel that copies buffer `from` to buffer `to`. */
const copy = (from: number, to: number, size: number): FusedKernel => ({
  _tag: 'loop',
  extents: [size],
  body: [{ _tag: 'load', dtype: 'f32', buffer: from, at: { offset: 0, strides: [1] } }],
  stores: [{ buffer: to, at: { offset: 0, strides: [1] }, value: 0, combine: undefined, scatter: undefined }]
})

/** input -> t2 -> t3 -> ... -> output, each of `size` elements. */
const chain = (temporaries: number, size: number): FusedProgram => {
  const order = [0, ...Array.from({ length: temporaries }, (_, i) => i + 2), 1]
  return {
    inputs: 1,
    outputs: 1,
    buffers: Array.from({ length: temporaries + 2 }, () => ({ dtype: 'f32', size })),
    kernels: order.slice(1).map((to, i) => copy(order[i], to, size))
  }
}

/** The definition: in order of offset, past everything alive at the same time that leaves no gap. */
const plainPlan = (lifetimes: ReadonlyArray<Lifetime>): ReadonlyMap<number, number> => {
  const placed: Array<Lifetime & { readonly start: number; readonly end: number }> = []
  for (const lifetime of [...lifetimes].sort((a, b) => b.bytes - a.bytes || a.buffer - b.buffer)) {
    const bytes = Math.ceil(lifetime.bytes / alignment) * alignment
    const others = placed
      .filter((other) => lifetime.from <= other.to && other.from <= lifetime.to)
      .sort((a, b) => a.start - b.start)
    let at = 0
    for (const other of others) {
      if (other.start >= at + bytes) break
      at = Math.max(at, other.end)
    }
    placed.push({ ...lifetime, start: at, end: at + bytes })
  }
  return new Map(placed.map(({ buffer, start }) => [buffer, start]))
}

/** A program whose temporaries live from one kernel to another and have the given sizes. */
const living = (
  spans: ReadonlyArray<{ readonly from: number; readonly length: number; readonly size: number }>
): FusedProgram => {
  const kernels = 1 + Math.max(...spans.map(({ from, length }) => from + length))
  const touched = Array.from({ length: kernels }, (): Array<number> => [])
  spans.forEach(({ from, length }, i) => new Set([from, from + length]).forEach((k) => touched[k].push(i)))
  return {
    inputs: 0,
    outputs: 0,
    buffers: spans.map(({ size }) => ({ dtype: 'f32', size })),
    kernels: touched.map((buffers): FusedKernel => {
      const stores = buffers.map((buffer) => ({
        buffer,
        at: { offset: 0, strides: [1] },
        value: 0,
        combine: undefined,
        scatter: undefined
      }))
      return { _tag: 'loop', extents: [1], body: [{ _tag: 'constant', dtype: 'f32', value: 0 }], stores }
    })
  }
}

const spans = fc.array(
  fc.record({
    from: fc.nat(40),
    length: fc.nat(40),
    size: fc.oneof(fc.constant(16), fc.integer({ min: 1, max: 200 }))
  }),
  { minLength: 1, maxLength: 60 }
)

describe('plan', () => {
  it('places every buffer where the plain search would', () => {
    fc.assert(
      fc.property(spans, (all) => {
        const program = living(all)
        const expected = plainPlan(lifetimesOf(program, wasmLimits))
        expect(plan(program, wasmLimits).offsets).toEqual(all.map((_, buffer) => expected.get(buffer)))
      })
    )
  })

  it('looks at about as many places for each buffer of a program of any size', () => {
    const looksEach = (n: number): number => {
      let looks = 0
      // Nested, as what a forward pass keeps for its backward pass, and side by side.
      const nested = Array.from({ length: n }, (_, i) => ({ from: i, length: 2 * (n - i), size: 16 * (1 + (i % 2)) }))
      const beside = Array.from({ length: n }, (_, i) => ({ from: 2 * i, length: 2, size: 16 * (1 + (i % 3)) }))
      plan(living([...nested, ...beside]), wasmLimits, () => looks++)
      return looks / n
    }
    // The square of the logarithm, at most.
    expect(looksEach(2048)).toBeLessThan(looksEach(256) * (11 / 8) ** 2 * 1.3)
  })

  it('looks at about as many where what is kept crosses, as in second derivatives, since each search has an end', () => {
    const looksEach = (n: number): number => {
      let looks = 0
      const curved = (w: Tensor, x: Tensor): Tensor =>
        hessianVectorProduct((v: Tensor) =>
          sum()(Array.from({ length: n }).reduce((h: Tensor) => tanh(matmul(v)(h)), x))
        )(w, w)
      const traced = trace(curved)(spec([4, 4]), spec([1, 4]))
      if (isLeft(traced)) throw new Error('it does not fit')
      plan(fuse(schedule(traced.right.program, wasmLimits), wasmLimits), wasmLimits, () => looks++, 64)
      return looks / n
    }
    expect(looksEach(256)).toBeLessThan(looksEach(64) * 1.5)
  })

  it('never lets a kernel overwrite what it or a later one reads, or writes beside it, however soon a search ends', () => {
    fc.assert(
      fc.property(programs, fc.constantFrom(undefined, 0, 1, 2, 5), (program, most) => {
        const { offsets, arenaBytes } = plan(program, wasmLimits, () => undefined, most)
        // Who wrote each byte last, kernel by kernel.
        const owner = new Int32Array(arenaBytes).fill(-1)
        const bytesOf = (buffer: number): readonly [number, number] | undefined => {
          const start = offsets[buffer]
          const { dtype, size } = program.buffers[buffer]
          return start === undefined ? undefined : [start, start + size * bytesPerElement(dtype)]
        }
        const isWhole = (buffer: number): boolean => {
          const bytes = bytesOf(buffer)
          return bytes === undefined || owner.subarray(...bytes).every((by) => by === buffer)
        }
        for (const kernel of program.kernels) {
          const [reads, writes] = [readsOfFused(kernel), writesOfFused(kernel)]
          expect(reads.filter((buffer) => !isWhole(buffer))).toEqual([])
          for (const buffer of writes) {
            const bytes = bytesOf(buffer)
            if (bytes) owner.fill(buffer, ...bytes)
          }
          // A kernel may write before it has read everything, and writes its buffers by turns.
          expect([...reads, ...writes].filter((buffer) => !isWhole(buffer))).toEqual([])
        }
      })
    )
  })

  it('places every temporary that is used in the arena, aligned, and nothing else', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { offsets, arenaBytes } = plan(program, wasmLimits)
        const used = new Set(program.kernels.flatMap((kernel) => [...readsOfFused(kernel), ...writesOfFused(kernel)]))
        offsets.forEach((offset, buffer) => {
          const isTemporary = buffer >= program.inputs + program.outputs
          expect(offset !== undefined).toBe(isTemporary && used.has(buffer))
          if (offset === undefined) return
          const { dtype, size } = program.buffers[buffer]
          expect(offset % alignment).toBe(0)
          expect(offset + size * bytesPerElement(dtype)).toBeLessThanOrEqual(arenaBytes)
        })
      })
    )
  })

  it('keeps a chain of any length in the space of two buffers', () => {
    expect(plan(chain(9, 100), wasmLimits).arenaBytes).toBe(2 * Math.ceil(400 / alignment) * alignment)
  })

  it('needs no arena where there are no temporaries', () => {
    expect(plan(chain(0, 100), wasmLimits)).toEqual({ offsets: [undefined, undefined], arenaBytes: 0 })
  })
})
