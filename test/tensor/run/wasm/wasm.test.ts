import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Data } from '../../../../src/tensor/dtype.js'
import { binaries, unaries, type Binary, type Unary } from '../../../../src/tensor/elementwise.js'
import { add, eq, exp, floor, mul, neg } from '../../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { scatterAdd } from '../../../../src/tensor/ops/gather.js'
import { reshape, transpose } from '../../../../src/tensor/ops/movement.js'
import { sum } from '../../../../src/tensor/ops/reduce.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import type { Device, Executable, Timing } from '../../../../src/tensor/run/device.js'
import type { Multiplier } from '../../../../src/tensor/run/multipliers/multiplier.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { usualBlocks } from '../../../../src/tensor/run/wasm/launches.js'
import { wasm } from '../../../../src/tensor/run/wasm/wasm.js'
import {
  binaryNode,
  castNode,
  inputNode,
  randomBitsNode,
  unaryNode,
  type Tensor
} from '../../../../src/tensor/tensor.js'
import { threefry2x32 } from '../../../../src/tensor/threefry.js'
import { graphs, type Graph } from '../../program/graphs.js'
import { naive } from '../naive.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const loaded = <T extends Timing>(
  device: Device<T>,
  inputs: ReadonlyArray<Tensor>,
  outputs: ReadonlyArray<Tensor>
): Executable<T> =>
  right(
    device.load(
      lower(
        outputs.map((tensor, i) => ({ name: String(i), tensor })),
        inputs
      ).program
    )
  )

const run = (
  device: Device<'sync'>,
  inputs: ReadonlyArray<Tensor>,
  data: ReadonlyArray<Data>,
  outputs: ReadonlyArray<Tensor>
): ReadonlyArray<Data> => {
  const executable = loaded(device, inputs, outputs)
  const out = allocateOutputs(executable.program, device.floats)
  const fed = data.map((d) => (device.floats === 'float64' && d instanceof Float32Array ? Float64Array.from(d) : d))
  // Twice: what a run leaves behind must not matter to the next.
  right(executable.run(fed, out)())
  right(executable.run(fed, out)())
  return out
}

const runGraph = (device: Device<'sync'>, { inputs, data, outputs }: Graph): ReadonlyArray<Data> =>
  run(
    device,
    inputs,
    data,
    outputs.map(({ tensor }) => tensor)
  )

const f64 = reference({ floats: 'float64' })
const x = inputNode('x', [4], 'f32')
const values = Float32Array.of(1, -2, 0.5, 3)

/** `naive`, answering later. */
const later: Multiplier<'async'> = {
  name: 'later',
  timing: 'async',
  prepare: (contraction) =>
    pipe(
      naive.prepare(contraction),
      E.map((multiply) => (a, b, out) => () => Promise.resolve(multiply(a, b, out)()))
    ),
  release: () => Promise.resolve()
}

describe('the wasm device', () => {
  const short = { additions: 2, products: 2 }

  it.each([
    ['the usual blocks', undefined, 400],
    ['blocks so short that most sums have several', short, 200]
  ] as const)(
    'agrees with the reference on random programs, exactly or within the derived bound: %s',
    (_, blocks, numRuns) => {
      fc.assert(
        fc.property(graphs(), (graph) => {
          const found = runGraph(wasm({ blocks }), graph)
          const expected = runGraph(f64, graph)
          graph.outputs.forEach(({ error }, i) => {
            expect(found[i].length).toBe(expected[i].length)
            const wrong = found[i].findIndex((v, at) => {
              const e = expected[i][at]
              return !(v === e || Math.abs(v - e) <= error)
            })
            if (wrong >= 0)
              expect(`output ${i}[${wrong}] = ${found[i][wrong]}`).toBe(`${expected[i][wrong]} +- ${error}`)
          })
        }),
        { numRuns }
      )
    }
  )

  it('computes integers and conversions exactly at the ends of their ranges', () => {
    const words = [0, 1, 2, 31, 32, 33, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1]
    const pairs = words.flatMap((a) => words.map((b) => [a, b] as const))
    for (const dtype of ['i32', 'u32'] as const) {
      const [a, b] = ['a', 'b'].map((name) => inputNode(name, [pairs.length], dtype))
      const data = [0, 1].map((side) => {
        const column = pairs.map((p) => p[side])
        return dtype === 'i32' ? Int32Array.from(column, (v) => v | 0) : Uint32Array.from(column)
      })
      const outputs = [
        ...(Object.keys(binaries) as Array<Binary>)
          .filter((fn) => binaries[fn].accepts.some((d) => d === dtype))
          .map((fn) => binaryNode(fn, a, b)),
        ...(Object.keys(unaries) as Array<Unary>)
          .filter((fn) => unaries[fn].accepts.some((d) => d === dtype))
          .map((fn) => unaryNode(fn, a)),
        ...(['f32', 'i32', 'u32', 'bool'] as const).map((to) => castNode(to, a))
      ]
      expect(run(wasm(), [a, b], data, outputs)).toEqual(run(reference({ floats: 'float32' }), [a, b], data, outputs))
    }
  })

  it('converts f32 to integers by truncating and saturating, NaN to 0', () => {
    const y = inputNode('y', [8], 'f32')
    const data = [Float32Array.of(-1.9, 1.9, NaN, Infinity, -Infinity, 3e9, -3e9, 5e9)]
    const [i, u, b] = run(wasm(), [y], data, [castNode('i32', y), castNode('u32', y), castNode('bool', y)])
    expect([...i]).toEqual([-1, 1, 0, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1])
    expect([...u]).toEqual([0, 1, 0, 2 ** 32 - 1, 0, 3e9, 0, 2 ** 32 - 1])
    expect([...b]).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  })

  it('lets discontinuous operations see the f32, not the double it was computed in', () => {
    // The f32 next to 0.7 is below it: ten times that is 6.9999998..., which rounds to the f32 7.
    const input = inputNode('x', [1], 'f32')
    const tenfold = mul(10)(input)
    const outputs = [floor(tenfold), castNode('i32', tenfold), eq(7)(tenfold), floor(mul(2)(neg(tenfold)))]
    // One program each: in one program the product would be stored, which rounds it.
    const found = outputs.flatMap((output) => run(wasm(), [input], [Float32Array.of(0.7)], [output]))
    expect(found.map(([v]) => v)).toEqual([7, 7, 1, -14])
  })

  it.each([0, 1, 2, 7, 1000])('draws %i random words as threefry defines them, wrapping the counter', (n) => {
    const [key, counter] = ['key', 'counter'].map((name) => inputNode(name, [2], 'u32'))
    const [k, c] = [
      [0xdeadbeef, 0x12345678],
      [0xffffffff, 0x9abcdef0]
    ]
    const [found] = run(
      wasm(),
      [key, counter],
      [Uint32Array.from(k), Uint32Array.from(c)],
      [randomBitsNode([n], key, counter)]
    )
    const expected = Array.from(
      { length: n },
      (_, i) => threefry2x32([k[0], k[1]], [(c[0] + Math.floor(i / 2)) >>> 0, c[1]])[i % 2]
    )
    expect([...found]).toEqual(expected)
  })

  it('sums with the error of short sums, along rows and across them', () => {
    const [rows, columns] = [5000, 700]
    const m = inputNode('m', [rows, columns], 'f32')
    const data = Float32Array.from({ length: rows * columns }, (_, i) => 1 + (i % 3) / 7)
    const found = run(wasm(), [m], [data], [sum({ axes: 0 })(m), sum({ axes: 1 })(m), sum()(m)])
    const exact = [new Float64Array(columns), new Float64Array(rows), new Float64Array(1)]
    data.forEach((v, i) => {
      exact[0][i % columns] += v
      exact[1][Math.floor(i / columns)] += v
      exact[2][0] += v
    })
    // Positive terms: the relative error is at most half an ulp for each addition that a term goes through. Across rows those are
    // a block's; in a row the vectors of a block of 1024, then the lanes. Blocks are added in double precision, and that is rounded.
    const most = [usualBlocks.additions + 1, 1024 / 4 + 4, 1024 / 4 + 4]
    found.forEach((sums, i) =>
      sums.forEach((x, j) => expect(Math.abs(x / exact[i][j] - 1)).toBeLessThanOrEqual(most[i] * 2 ** -24))
    )
  })

  describe.each([2, 5, 16])('with %i additions to a block, and as many products', (size) => {
    const blocks = { additions: size, products: size }
    const device = wasm({ blocks })
    const seeds = fc.integer({ min: 0, max: 99 })
    const positive = (n: number, seed: number): Float32Array =>
      Float32Array.from({ length: n }, (_, i) => Math.fround(0.1 + (((i + seed) * 7919) % 97) / 211))
    /** That positive sums are off by no more than the roundings that a term goes through. */
    const expectSums = (found: Data, exact: Float64Array, most: number): void =>
      exact.forEach((x, i) => expect(Math.abs(found[i] - x)).toBeLessThanOrEqual(most * 2 ** -24 * x))

    it('sums over axes in any place with the error of a block', () => {
      const shapes = fc.tuple(
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom(1, 3, 4, 6),
        fc.integer({ min: 1, max: 60 })
      )
      fc.assert(
        fc.property(shapes, fc.subarray([0, 1, 2], { minLength: 1 }), seeds, (shape, axes, seed) => {
          const x = inputNode('x', shape, 'f32')
          const data = positive(shape[0] * shape[1] * shape[2], seed)
          const kept = [0, 1, 2].filter((axis) => !axes.includes(axis))
          const exact = new Float64Array(kept.reduce((n, axis) => n * shape[axis], 1))
          data.forEach((v, i) => {
            const at = [Math.floor(i / (shape[1] * shape[2])), Math.floor(i / shape[2]) % shape[1], i % shape[2]]
            exact[kept.reduce((place, axis) => place * shape[axis] + at[axis], 0)] += v
          })
          // A row of up to 300 is one block of its own: a fourth of it in each lane, then the lanes.
          expectSums(run(device, [x], [data], [sum({ axes })(x)])[0], exact, size + 1 + 300 / 4 + 4)
        }),
        { numRuns: 60 }
      )
    })

    it('adds updates of one row with the error of a block, whatever is added between', () => {
      const cases = fc.tuple(
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom([], [1], [5], [2, 3]),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean()
      )
      fc.assert(
        fc.property(cases, seeds, ([n, slice, extent, isBehind], seed) => {
          const width = slice.reduce<number>((a, b) => a * b, 1)
          const inputs = [
            inputNode('ids', [n], 'i32'),
            inputNode('updates', isBehind ? [...slice, n] : [n, ...slice], 'f32')
          ]
          const ids = Int32Array.from({ length: n }, (_, i) => ((i * i * 31 + seed) % (extent + 2)) - 1)
          const updates = positive(n * width, seed)
          const shape = isBehind ? [...slice, extent] : [extent, ...slice]
          const exact = new Float64Array(extent * width)
          ids.forEach((id, i) => {
            if (id < 0 || id >= extent) return
            for (let j = 0; j < width; j++)
              exact[isBehind ? j * extent + id : id * width + j] += updates[isBehind ? j * n + i : i * width + j]
          })
          const axis = isBehind ? slice.length : 0
          const [found] = run(device, inputs, [ids, updates], [scatterAdd(inputs[0], shape, axis)(inputs[1])])
          expectSums(found, exact, size + 1)
        }),
        { numRuns: 60 }
      )
    })

    it('multiplies with the error of a few blocks, in panels and in batches too', () => {
      const extents = fc.tuple(
        fc.constantFrom(1, 2, 5),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 12 })
      )
      fc.assert(
        fc.property(extents, seeds, ([batch, m, k, n], seed) => {
          const inputs = [inputNode('a', [batch, m, k], 'f32'), inputNode('b', [batch, k, n], 'f32')]
          const [a, b] = [positive(batch * m * k, seed), positive(batch * k * n, seed + 1)]
          const exact = new Float64Array(batch * m * n)
          exact.forEach((_, at) => {
            const [z, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n]
            for (let p = 0; p < k; p++) exact[at] += a[(z * m + i) * k + p] * b[(z * k + p) * n + j]
          })
          const [found] = run(device, inputs, [a, b], [matmul(inputs[1])(inputs[0])])
          // Each product is rounded, then added in its block; the blocks are added.
          expectSums(found, exact, 1 + size + Math.ceil(k / size))
        }),
        { numRuns: 60 }
      )
    })
  })

  it('keeps its way in sums of a million', () => {
    const n = 2 ** 20
    const tenths = new Float32Array(n).fill(0.1)
    const [columns, ids] = [inputNode('columns', [n / 4, 4], 'f32'), inputNode('ids', [n], 'i32')]
    const [row, column] = [inputNode('row', [1, n], 'f32'), inputNode('column', [n, 1], 'f32')]
    const found = run(
      wasm(),
      [columns, ids, row, column],
      [tenths, new Int32Array(n), tenths, new Float32Array(n).fill(1)],
      [sum({ axes: 0 })(columns), scatterAdd(ids, [1, 1])(reshape([n, 1])(row)), matmul(column)(row)]
    )
    const exact = Math.fround(0.1) * n
    expect(Math.abs(found[0][3] / (exact / 4) - 1)).toBeLessThan(257 * 2 ** -24)
    expect(Math.abs(found[1][0] / exact - 1)).toBeLessThan(257 * 2 ** -24)
    // Blocks of 256 products, 256 of those, and 16 of those.
    expect(Math.abs(found[2][0] / exact - 1)).toBeLessThan((256 + 256 + 16) * 2 ** -24)
  })

  it('adds every update of a repeated index', () => {
    const ids = inputNode('ids', [5], 'i32')
    const updates = inputNode('updates', [5, 2], 'f32')
    const [found] = run(
      wasm(),
      [ids, updates],
      [Int32Array.of(1, 1, 9, -1, 0), Float32Array.from({ length: 10 }, (_, i) => i)],
      [scatterAdd(ids, [3, 2])(updates)]
    )
    expect([...found]).toEqual([8, 9, 2, 4, 0, 0])
  })

  it('copies inputs that are outputs, and writes one value to two outputs', () => {
    const y = exp(x)
    const [a, b, c] = run(wasm(), [x], [values], [x, y, y])
    expect(a).toEqual(values)
    expect(b).toEqual(Float32Array.from(values, Math.exp))
    expect(c).toEqual(b)
  })

  it('gives a product in panels of rows, with what is done to them, the bits of one after the other', () => {
    // More than a block of the product along every axis; and panels that are not whole tiles.
    const extents = fc.constantFrom([256, 130, 600], [264, 300, 128], [198, 20, 520])
    fc.assert(
      fc.property(extents, fc.integer({ min: 0, max: 99 }), ([m, k, n], seed) => {
        const inputs = [inputNode('a', [m, k], 'f32'), inputNode('b', [k, n], 'f32'), inputNode('bias', [n], 'f32')]
        const [a, b, bias] = inputs
        const data = inputs.map(({ shape }, i) =>
          Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, (_, at) => Math.sin(at * (i + 1.3) + seed))
        )
        const after = (x: Tensor): Tensor => pipe(x, add(bias), mul(0.1), exp)
        const device = wasm()
        const kinds = (outputs: ReadonlyArray<Tensor>) =>
          loaded(device, inputs, outputs).kernels?.kernels.map(({ _tag }) => _tag)
        expect(kinds([after(matmul(b)(a))])).toEqual(['panels'])
        expect(kinds([matmul(b)(a)])).toEqual(['contraction'])
        const [found] = run(device, inputs, data, [after(matmul(b)(a))])
        const [product] = run(device, inputs, data, [matmul(b)(a)])
        const z = inputNode('z', [m, n], 'f32')
        expect(found).toEqual(run(device, [z, bias], [product, data[2]], [after(z)])[0])
      }),
      { numRuns: 6 }
    )
  })

  it('reads and writes shared memory', () => {
    const executable = loaded(wasm(), [x], [mul(2)(x)])
    const memory = new SharedArrayBuffer(64)
    const [input, output] = [new Float32Array(memory, 16, 4), new Float32Array(memory, 32, 4)]
    input.set(values)
    right(executable.run([input], [output])())
    expect([...output]).toEqual([2, -4, 1, 6])
  })

  it('refuses arrays of the wrong number, type or length', () => {
    const executable = loaded(wasm(), [x], [exp(x)])
    const out = [new Float32Array(4)]
    const wrong: ReadonlyArray<ReadonlyArray<Data>> = [[], [new Float32Array(3)], [new Int32Array(4)]]
    for (const inputs of wrong) {
      const result = executable.run(inputs, out)()
      expect(E.isLeft(result) && result.left).toMatchObject({ _tag: 'WrongArrays', device: 'wasm' })
    }
    expect(E.isLeft(executable.run([values], [])())).toBe(true)
  })

  it('is asynchronous with an asynchronous multiplier, and computes the same', async () => {
    const a = inputNode('a', [3, 4], 'f32')
    const outputs = [pipe(a, exp, matmul(transpose(a)), sum({ axes: 0 }))]
    const data = [Float32Array.from({ length: 12 }, (_, i) => i / 10)]
    const device = wasm({ multiplier: later })
    expect(device.timing).toBe('async')
    const executable = loaded(device, [a], outputs)
    const out = allocateOutputs(executable.program, 'float32')
    right(await executable.run(data, out)())
    expect(out).toEqual(run(wasm(), [a], data, outputs))
  })

  it('passes on the failure of a multiplier, on loading and on running', () => {
    const error = { _tag: 'DeviceFailed', device: 'broken', reason: 'as told' } as const
    const a = inputNode('a', [2, 2], 'f32')
    const product = matmul(a)(a)
    const onLoad: Multiplier<'sync'> = { ...naive, prepare: () => E.left(error) }
    const onRun: Multiplier<'sync'> = { ...naive, prepare: () => E.right(() => () => E.left(error)) }
    const { program } = lower([{ name: '', tensor: product }], [a])
    expect(wasm({ multiplier: onLoad }).load(program)).toEqual(E.left(error))
    const executable = loaded(wasm({ multiplier: onRun }), [a], [product])
    expect(executable.run([new Float32Array(4)], [new Float32Array(4)])()).toEqual(E.left(error))
  })

  it('says beforehand how much working memory it takes', () => {
    // A product takes its operand from memory: the 4 floats of exp(x) have one aligned place.
    const a = inputNode('a', [2, 2], 'f32')
    expect(loaded(wasm({ multiplier: naive }), [a], [matmul(a)(exp(a))]).workingBytes).toBe(64)
    expect(loaded(wasm(), [x], [mul(2)(exp(x))]).workingBytes).toBe(0)
  })
})
