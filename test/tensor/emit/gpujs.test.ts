import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  floatAddresses,
  gpuJsKernel,
  integerAddresses,
  type GpuJsArithmetic,
  type GpuJsForm,
  type GpuJsKernel
} from '../../../src/tensor/emit/gpujs.js'
import type { Contraction } from '../../../src/tensor/program/kernel.js'
import { range } from '../../../src/tensor/range.js'
import { cases, naive, small, type Case } from '../run/multipliers/contractions.js'

const kernelOf = (
  contraction: Contraction,
  arithmetic: GpuJsArithmetic = integerAddresses,
  form: GpuJsForm = {}
): GpuJsKernel => {
  const kernel = gpuJsKernel(arithmetic, form)(contraction)
  if (E.isLeft(kernel)) throw new Error(`${kernel.left.found}, expected ${kernel.left.expected}`)
  return kernel.right
}

type Thread = { readonly thread: { readonly x: number; readonly y: number; readonly z: number } }

/** Runs a kernel's text as the JavaScript that it is, a thread at a time; `spy` sees every address read. */
const interpret = (
  { source, output, left, right }: GpuJsKernel,
  data: Case,
  spy: (side: 'left' | 'right', address: number) => void = () => undefined
): ReadonlyArray<number> => {
  const watched = (side: 'left' | 'right', elements: Float32Array): Float32Array =>
    new Proxy(elements, {
      get: (target, address) => {
        spy(side, Number(address))
        return target[Number(address)]
      }
    })
  const a = watched('left', data.left.subarray(left.start, left.start + left.length))
  const b = watched('right', data.right.subarray(right.start, right.start + right.length))
  const kernel = runInThisContext(`(${source})`) as (
    this: Thread,
    a: Float32Array,
    b: Float32Array
  ) => number | ReadonlyArray<number>
  const [columns, rows, planes] = output
  return range(columns * rows * planes).flatMap((cell) =>
    kernel.call(
      {
        thread: {
          x: cell % columns,
          y: Math.floor(cell / columns) % rows,
          z: Math.floor(cell / (columns * rows))
        }
      },
      a,
      b
    )
  )
}

/** Small integers: every sum is exact, in any order. */
const integers = fc.integer({ min: -9, max: 9 })

/** Both kinds of addresses, and blocks so short that sums of a few terms are cut. */
const arithmetics: fc.Arbitrary<GpuJsArithmetic> = fc.record({
  addresses: fc.constantFrom('integers', 'floats'),
  exact: fc.constant(2 ** 24),
  block: fc.constantFrom(2, 3, 4096)
})

const shortOrLong = { ...small, k: fc.integer({ min: 1, max: 30 }) }

describe('the gpu.js kernel of a contraction', () => {
  it('computes the product that the contraction defines, whatever the strides', () => {
    fc.assert(
      fc.property(cases(shortOrLong, integers), arithmetics, (data, arithmetic) => {
        expect(interpret(kernelOf(data.contraction, arithmetic), data)).toEqual([...naive(data).sums])
      })
    )
  })

  it('computes four columns a thread where rows are fours', () => {
    const fours = { ...shortOrLong, n: fc.constantFrom(4, 8, 12) }
    fc.assert(
      fc.property(cases(fours, integers), arithmetics, (data, arithmetic) => {
        expect(interpret(kernelOf(data.contraction, arithmetic, { results: 4 }), data)).toEqual([...naive(data).sums])
      })
    )
  })

  it('reads windows that begin at multiples of an alignment', () => {
    fc.assert(
      fc.property(cases(shortOrLong, integers), arithmetics, (data, arithmetic) => {
        const kernel = kernelOf(data.contraction, arithmetic, { alignment: 4 })
        expect([kernel.left.start % 4, kernel.right.start % 4]).toEqual([0, 0])
        expect(interpret(kernel, data)).toEqual([...naive(data).sums])
      })
    )
  })

  it('computes four columns a thread of no other rows', () => {
    const found = gpuJsKernel(integerAddresses, { results: 4 })({
      ...{ batch: [], m: 2, n: 6, k: 2 },
      left: { offset: 0, batch: [], row: 2, column: 1 },
      right: { offset: 0, batch: [], row: 6, column: 1 }
    })
    expect(found).toMatchObject(E.left({ _tag: 'BeyondKernel', expected: 'rows of a multiple of 4 columns' }))
  })

  it.each([1, 4] as const)(
    'reads the first and the last element of its windows, and nothing outside (%i)',
    (results) => {
      const wide = results === 1 ? shortOrLong : { ...shortOrLong, n: fc.constantFrom(4, 8, 12) }
      fc.assert(
        fc.property(cases(wide, integers), arithmetics, (data, arithmetic) => {
          const kernel = kernelOf(data.contraction, arithmetic, { results })
          const read = { left: new Set<number>(), right: new Set<number>() }
          interpret(kernel, data, (side, address) => read[side].add(address))
          for (const side of ['left', 'right'] as const) {
            expect(Math.min(...read[side])).toBe(0)
            expect(Math.max(...read[side])).toBe(kernel[side].length - 1)
          }
        })
      )
    }
  )

  it('is the same text wherever in their arrays the operands begin', () => {
    fc.assert(
      fc.property(cases(small, fc.constant(0)), fc.nat(), fc.nat(), ({ contraction: c }, a, b) => {
        const moved = {
          ...c,
          left: { ...c.left, offset: c.left.offset + a },
          right: { ...c.right, offset: c.right.offset + b }
        }
        expect(kernelOf(moved).source).toBe(kernelOf(c).source)
      })
    )
  })

  it('declares sums and loop counters only, every loop from 0 to a literal bound', () => {
    fc.assert(
      fc.property(cases(shortOrLong, fc.constant(0)), arithmetics, ({ contraction }, arithmetic) => {
        const { source } = kernelOf(contraction, arithmetic)
        const isCut = contraction.k > arithmetic.block
        const locals = new Set(source.match(/\b(?:let|const|var) \w+/g))
        for (const local of locals)
          expect(isCut ? ['let total', 'let q', 'let sum', 'let p', 'let rest'] : ['let sum', 'let p']).toContain(local)
        const loops = source.match(/\bfor .*/g) ?? []
        for (const loop of loops) expect(loop).toMatch(/^for \(let ([pq]) = 0; \1 < \d+; \1\+\+\) \{$/)
        if (!isCut) expect(loops).toEqual([`for (let p = 0; p < ${contraction.k}; p++) {`])
      })
    )
  })

  it('cuts no sum of up to 4,096 terms, and no loop is longer than floats count', () => {
    const bounds = (k: number): ReadonlyArray<number> => {
      const scalar = { offset: 0, batch: [], row: 0, column: 0 }
      const { source } = kernelOf({ batch: [], m: 1, n: 1, k, left: scalar, right: scalar })
      return [...source.matchAll(/ < (\d+);/g)].map(([, bound]) => Number(bound))
    }
    expect(bounds(4096)).toEqual([4096])
    expect(bounds(10_000)).toEqual([2, 4096, 10_000 - 2 * 4096])
    for (const k of [2 ** 24, 2 ** 24 + 1, 2 ** 31 - 1]) {
      const [blocks, length, rest = 0] = bounds(k)
      expect(Math.max(blocks, length, rest)).toBeLessThan(2 ** 24)
      expect(blocks * length + rest).toBe(k)
    }
  })

  it('refuses, in floats, what they cannot count or tell apart', () => {
    fc.assert(
      fc.property(cases(shortOrLong, fc.constant(0)), fc.nat({ max: 60 }), ({ contraction }, exact) => {
        const found = gpuJsKernel({ ...floatAddresses, exact })(contraction)
        const { left, right, source } = kernelOf(contraction)
        const longest = Math.max(left.length - 1, right.length - 1, contraction.k)
        if (E.isRight(found)) expect(longest).toBeLessThanOrEqual(exact)
        // Where an address is no difference, it is the largest number on the way to it.
        else if (!source.includes(' - ')) expect(longest).toBeGreaterThan(exact)
        if (E.isLeft(found)) expect(found.left).toMatchObject({ _tag: 'BeyondKernel' })
      })
    )
  })

  it('reads like this for a plain product', () => {
    const kernel = kernelOf({
      batch: [],
      m: 2,
      n: 4,
      k: 3,
      left: { offset: 5, batch: [], row: 3, column: 1 },
      right: { offset: 0, batch: [], row: 4, column: 1 }
    })
    expect(kernel).toMatchInlineSnapshot(`
      {
        "left": {
          "length": 6,
          "start": 5,
        },
        "output": [
          4,
          2,
          1,
        ],
        "results": 1,
        "right": {
          "length": 12,
          "start": 0,
        },
        "source": "function (left, right) {
        let sum = 0;
        for (let p = 0; p < 3; p++) {
          sum += left[this.thread.y * 3 + (p | 0)] * right[this.thread.x + (p | 0) * 4];
        }
        return sum;
      }",
      }
    `)
  })

  it('splits the batch index of attention heads, where two batch axes are apart in memory', () => {
    // [2, 7, 3, 8] (batch, position, head, feature) seen as [2, 3] products of [7, 8] and [8, 7].
    const { source } = kernelOf({
      batch: [2, 3],
      m: 7,
      n: 7,
      k: 8,
      left: { offset: 0, batch: [168, 8], row: 24, column: 1 },
      right: { offset: 0, batch: [168, 8], row: 1, column: 24 }
    })
    expect(source).toMatchInlineSnapshot(`
      "function (left, right) {
        let sum = 0;
        for (let p = 0; p < 8; p++) {
          sum += left[(Math.floor((this.thread.z + 0.5) / 3) | 0) * 144 + this.thread.z * 8 + this.thread.y * 24 + (p | 0)] * right[(Math.floor((this.thread.z + 0.5) / 3) | 0) * 144 + this.thread.z * 8 + this.thread.x * 24 + (p | 0)];
        }
        return sum;
      }"
    `)
  })

  it('refuses a thread grid beyond one WebGPU dispatch', () => {
    const plain = { offset: 0, batch: [0], row: 1, column: 1 }
    const grid = (batch: number, m: number, n: number): E.Either<unknown, GpuJsKernel> =>
      gpuJsKernel(integerAddresses)({ batch: [batch], m, n, k: 1, left: plain, right: plain })
    expect(E.isRight(grid(65_535, 524_280, 524_280))).toBe(true)
    for (const beyond of [grid(65_536, 1, 1), grid(1, 524_281, 1), grid(1, 1, 524_281)]) {
      expect(beyond).toMatchObject({ _tag: 'Left', left: { _tag: 'BeyondKernel' } })
    }
  })
})
