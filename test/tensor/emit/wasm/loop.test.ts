import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dtypes, type Data, type DType } from '../../../../src/tensor/dtype.js'
import { binaries, comparisons, unaries } from '../../../../src/tensor/elementwise.js'
import type { Binary, Comparison, Unary } from '../../../../src/tensor/elementwise.js'
import { moduleDraft } from '../../../../src/tensor/emit/wasm/assembler.js'
import { kernelEmitter, scratchBytes } from '../../../../src/tensor/emit/wasm/loop.js'
import type { FusedLoop, FusedStep } from '../../../../src/tensor/program/fused.js'
import type { BufferSpec, Random } from '../../../../src/tensor/program/kernel.js'
import { threefry2x32 } from '../../../../src/tensor/threefry.js'
import { wasmLimits } from '../../../../src/tensor/run/wasm/limits.js'
import { interpret } from '../../program/interpret.js'
import { loops, type LoopCase } from '../../program/loops.js'
import { rowLoop, type RowLoop } from '../../program/row-loops.js'
import { emit, memoryOf } from './emitted.js'

const memory = memoryOf(4)

/** The outputs of a loop, its ranges run one after another, with its buffers packed so that `last` ends the memory. */
const runParts = (
  { loop, buffers, inputs, cut }: LoopCase,
  parts: ReadonlyArray<readonly [number, number]>,
  block?: number
): ReadonlyArray<Data> => {
  const { data, run, isContained } = emit(loop, buffers, cut % buffers.length, memory, block)
  inputs.forEach((input, i) => data[i].set(input))
  const outputs = data.slice(inputs.length)
  outputs.forEach((output) => output.fill(0))
  parts.forEach(([lo, hi]) => run(lo, hi))
  expect(isContained()).toBe(true)
  return outputs.map((output) => output.slice())
}

const rowsOf = ({ extents }: FusedLoop): number => (extents.length > 1 ? extents[0] : 1)

const literally = ({ loop, buffers, inputs }: LoopCase): ReadonlyArray<Data> =>
  interpret({ inputs: inputs.length, outputs: buffers.length - inputs.length, buffers, kernels: [loop] }, inputs)

/** The outputs of a loop on given inputs. */
const run = (loop: FusedLoop, buffers: ReadonlyArray<BufferSpec>, inputs: ReadonlyArray<Data>): ReadonlyArray<Data> =>
  runParts({ loop, buffers, inputs, cut: 0 }, [[0, rowsOf(loop)]])

const runRows = (loop: RowLoop, ...inputs: ReadonlyArray<Data>): ReadonlyArray<Data> => run(loop, loop.buffers, inputs)

describe('an emitted loop', () => {
  it('computes what the loop says, to the bit, and touches nothing but its buffers', () => {
    fc.assert(
      fc.property(loops(), (given) => {
        expect(runParts(given, [[0, rowsOf(given.loop)]])).toEqual(literally(given))
      }),
      { numRuns: 200 }
    )
  })

  it.each([1, 3])('adds across rows exactly what it should, in blocks of %i', (block) => {
    fc.assert(
      fc.property(loops(), (given) => {
        const rows = rowsOf(given.loop)
        const whole = runParts(given, [[0, rows]], block)
        expect(whole).toEqual(literally(given))
        expect(runParts(given, [[0, given.cut] as const, [given.cut, rows] as const], block)).toEqual(whole)
      }),
      { numRuns: 100 }
    )
  })

  it('computes the same in two parts of its first axis as in one', () => {
    fc.assert(
      fc.property(loops(), (given) => {
        const rows = rowsOf(given.loop)
        const parts = [[0, given.cut] as const, [given.cut, rows] as const]
        expect(runParts(given, parts)).toEqual(runParts(given, [[0, rows]]))
      })
    )
  })

  it('computes integers and conversions exactly at the ends of their ranges', () => {
    const words = [0, 1, 2, 31, 32, 33, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1]
    const pairs = words.flatMap((a) => words.map((b) => [a, b] as const))
    const accepts = (dtype: DType, list: ReadonlyArray<DType>): boolean => list.includes(dtype)
    for (const dtype of ['i32', 'u32'] as const) {
      const names = <N extends string>(
        table: Record<N, { readonly accepts: ReadonlyArray<DType> }>
      ): ReadonlyArray<N> => (Object.keys(table) as Array<N>).filter((fn) => accepts(dtype, table[fn].accepts))
      const at = { offset: 0, strides: [1] }
      const loads = [0, 1].map((buffer): FusedStep => ({ _tag: 'load', dtype, buffer, at }))
      const steps: ReadonlyArray<FusedStep> = [
        ...names<Binary>(binaries).map((fn): FusedStep => ({ _tag: 'binary', dtype, fn, x: 0, y: 1 })),
        ...names<Unary>(unaries).map((fn): FusedStep => ({ _tag: 'unary', dtype, fn, x: 0 })),
        ...names<Comparison>(comparisons).map((fn): FusedStep => ({
          _tag: 'compare',
          dtype: 'bool',
          of: dtype,
          fn,
          x: 0,
          y: 1
        })),
        ...dtypes.map((to): FusedStep => ({ _tag: 'cast', dtype: to, from: dtype, x: 0 }))
      ]
      const loop: FusedLoop = {
        _tag: 'loop',
        extents: [pairs.length],
        body: [...loads, ...steps],
        stores: steps.map((_, i) => ({ buffer: 2 + i, at, value: 2 + i, combine: undefined, scatter: undefined }))
      }
      const buffers = [...loads, ...steps].map((step) => ({ dtype: step.dtype, size: pairs.length }))
      const inputs = [0, 1].map((side) => {
        const column = pairs.map((pair) => pair[side])
        return dtype === 'i32' ? Int32Array.from(column, (v) => v | 0) : Uint32Array.from(column)
      })
      expect(run(loop, buffers, inputs)).toEqual(literally({ loop, buffers, inputs, cut: 0 }))
    }
  })

  it('converts f32 to integers by truncating and saturating, NaN to 0', () => {
    const values = [-1.9, 1.9, NaN, Infinity, -Infinity, 3e9, -3e9, 5e9, -0]
    const at = { offset: 0, strides: [1] }
    const targets = ['i32', 'u32', 'bool'] as const
    const loop: FusedLoop = {
      _tag: 'loop',
      extents: [values.length],
      body: [
        { _tag: 'load', dtype: 'f32', buffer: 0, at },
        ...targets.map((dtype): FusedStep => ({ _tag: 'cast', dtype, from: 'f32', x: 0 }))
      ],
      stores: targets.map((_, i) => ({ buffer: 1 + i, at, value: 1 + i, combine: undefined, scatter: undefined }))
    }
    const buffers = (['f32', ...targets] as const).map((dtype) => ({ dtype, size: values.length }))
    const [i, u, b] = run(loop, buffers, [Float32Array.from(values)])
    expect([...i]).toEqual([-1, 1, 0, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, 0])
    expect([...u]).toEqual([0, 1, 0, 2 ** 32 - 1, 0, 3e9, 0, 2 ** 32 - 1, 0])
    expect([...b]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0])
  })

  it('adds long rows as accurately as short ones', () => {
    const n = 200_003
    const loop = rowLoop(1, n, ({ load, fold, storeRow }) => storeRow(fold('sum', load())))
    const values = Float32Array.from({ length: n }, (_, i) => 0.1 + (i % 7) / 64)
    const [[found]] = runRows(loop, values)
    const exact = values.reduce((sum, x) => sum + x, 0)
    // A block of 1024 is at most 256 additions in each lane; the rest is in double precision. All values are positive.
    expect(Math.abs(found - exact)).toBeLessThan(exact * 257 * 2 ** -24)
    // One f32 total would be off by far more: the bound tells them apart.
    const naive = values.reduce((sum, x) => Math.fround(sum + x), 0)
    expect(Math.abs(naive - exact)).toBeGreaterThan(exact * 257 * 2 ** -24)
  })

  it('finds NaN in the largest and the smallest of a row, wherever it is', () => {
    for (const fn of ['max', 'min'] as const)
      for (let at = 0; at < 23; at++) {
        const loop = rowLoop(1, 23, ({ load, fold, storeRow }) => storeRow(fold(fn, load())))
        const values = Float32Array.from({ length: 23 }, (_, i) => (i === at ? NaN : i))
        expect(runRows(loop, values)[0][0]).toBeNaN()
      }
  })

  it('keeps several values of a row, each in its own place', () => {
    const loop = rowLoop(3, 21, ({ load, binary, fold, store }) => {
      const [x, y] = [load(), load()]
      const [a, b] = [binary('div', x, y), binary('div', y, x)]
      const [c, d] = [binary('sub', a, fold('max', a)), binary('mul', b, fold('min', b))]
      store(binary('add', c, d))
    })
    expect(scratchBytes(loop, wasmLimits.costs)).toBe(2 * 16 * 6)
    const inputs = [3, 5].map((n) => Float32Array.from({ length: 63 }, (_, i) => 1 + ((i * n) % 11)))
    expect(runRows(loop, ...inputs)).toEqual(literally({ loop, buffers: loop.buffers, inputs, cut: 0 }))
  })

  // Below, f32 is off by a few units in the last place of each operation: `ulps` counts them, in units of the result.
  const near = (found: Data, expected: ReadonlyArray<number>, ulps: number): void =>
    expected.forEach((x, i) => expect(Math.abs(found[i] - x)).toBeLessThanOrEqual(ulps * 2 ** -24 * Math.abs(x)))

  it('computes softmax rows', () => {
    const [rows, columns] = [5, 1030]
    const loop = rowLoop(rows, columns, ({ load, step, binary, fold, store }) => {
      const x = load()
      const e = step({ _tag: 'unary', dtype: 'f32', fn: 'exp', x: binary('sub', x, fold('max', x)) })
      store(binary('div', e, fold('sum', e)))
    })
    expect(scratchBytes(loop, wasmLimits.costs)).toBe(16 * Math.ceil(columns / 4))
    const x = Float32Array.from({ length: rows * columns }, (_, i) => ((i * 37) % 101) / 25)
    const [found] = runRows(loop, x)
    for (let r = 0; r < rows; r++) {
      const e = [...x.subarray(r * columns, (r + 1) * columns)].map((v) => Math.exp(v - 4))
      const sum = e.reduce((a, b) => a + b, 0)
      // The difference is rounded by 4 * 2^-24 at most, so exp by a factor 1 + 4 * 2^-24, and by 4 units of its own; the sum
      // likewise, and by 257 additions more; the quotient once.
      near(
        found.subarray(r * columns, (r + 1) * columns),
        e.map((v) => v / sum),
        2 * 8 + 257 + 1
      )
    }
  })

  it('computes layer norm rows', () => {
    const [rows, columns] = [4, 30]
    const loop = rowLoop(rows, columns, ({ load, step, constant, binary, fold, store }) => {
      const x = load()
      const mean = (of: number): number => binary('mul', fold('sum', of), constant(1 / columns))
      const centred = binary('sub', x, mean(x))
      const scale = step({ _tag: 'unary', dtype: 'f32', fn: 'rsqrt', x: mean(binary('mul', centred, centred)) })
      store(binary('add', binary('mul', binary('mul', centred, scale), load('row')), load('row')))
    })
    expect(scratchBytes(loop, wasmLimits.costs)).toBe(0)
    const x = Float32Array.from({ length: rows * columns }, (_, i) => (i * i) % 11)
    const gamma = Float32Array.from({ length: columns }, (_, i) => 1 + i / 8)
    const beta = Float32Array.from({ length: columns }, (_, i) => i % 3)
    const [found] = runRows(loop, x, gamma, beta)
    for (let r = 0; r < rows; r++) {
      const row = [...x.subarray(r * columns, (r + 1) * columns)]
      const mean = row.reduce((a, b) => a + b, 0) / columns
      const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / columns
      row.forEach((v, i) => {
        const normal = (v - mean) / Math.sqrt(variance)
        // The mean is below 10 and rounded twice; all else is a few roundings of terms below 4 * gamma.
        const bound = (20 / Math.sqrt(variance) + 40) * 2 ** -24 * gamma[i] + 4 * 2 ** -24 * beta[i]
        expect(Math.abs(found[r * columns + i] - (normal * gamma[i] + beta[i]))).toBeLessThan(bound)
      })
    }
  })
})

describe('kernelEmitter', () => {
  const copy = (from: number, to: number, value?: number): FusedLoop => {
    const at = { offset: 0, strides: [1] }
    const load: FusedStep = { _tag: 'load', dtype: 'f32', buffer: from, at }
    const body: ReadonlyArray<FusedStep> =
      value === undefined
        ? [load]
        : [load, { _tag: 'constant', dtype: 'f32', value }, { _tag: 'binary', dtype: 'f32', fn: 'mul', x: 0, y: 1 }]
    const store = { buffer: to, at, value: body.length - 1, combine: undefined, scatter: undefined }
    return { _tag: 'loop', extents: [8], body, stores: [store] }
  }
  const buffers = Array.from({ length: 4 }, (): BufferSpec => ({ dtype: 'f32', size: 8 }))

  it('shares one function between loops that differ only in their buffers', () => {
    const emitted = kernelEmitter(moduleDraft(), wasmLimits.costs)
    const [a, b] = [emitted(copy(0, 1), buffers), emitted(copy(3, 2), buffers)]
    expect(b).toEqual({ ...a, buffers: [3, 2] })
    expect(a.buffers).toEqual([0, 1])
  })

  it('tells loops apart that differ in a number, even one that JSON cannot spell', () => {
    const emitted = kernelEmitter(moduleDraft(), wasmLimits.costs)
    const values = [undefined, 0, -0, NaN, Infinity, -Infinity]
    const names = values.map((value) => emitted(copy(0, 1, value), buffers).name)
    expect(new Set(names).size).toBe(values.length)
  })
})

describe('emitted random bits', () => {
  const word = fc.oneof(fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32 - 3), fc.nat({ max: 2 ** 32 - 1 }))

  it('are those of threefry, for any key, counter and size', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 5, maxLength: 5 }), fc.nat({ max: 200 }), (words, size) => {
        const [k0, k1, gap, c0, c1] = words
        const random: Random = {
          _tag: 'random',
          key: { buffer: 0, at: { offset: 0, strides: [1] } },
          // A counter that is every other word of a buffer.
          counter: { buffer: 1, at: { offset: 1, strides: [2] } },
          out: 2,
          size
        }
        const specs = [2, 4, size].map((n): BufferSpec => ({ dtype: 'u32', size: n }))
        const { data, run, isContained } = emit(random, specs, 2, memory)
        data[0].set([k0, k1])
        data[1].set([gap, c0, gap, c1])
        run(0, 1)
        expect([...data[2]]).toEqual(
          Array.from({ length: size }, (_, i) => threefry2x32([k0, k1], [(c0 + (i >> 1)) >>> 0, c1])[i % 2])
        )
        expect(isContained()).toBe(true)
      })
    )
  })
})
