import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { blas, type Blas } from '../../../../src/tensor/run/multipliers/blas.js'
import { showDeviceError, type DeviceError } from '../../../../src/tensor/run/device.js'
import type { Contraction, StridedMatrix } from '../../../../src/tensor/program/kernel.js'
import { sizeOf, stridesOf, type Shape } from '../../../../src/tensor/shape.js'
import { built } from '../../../built.js'
import { cases, excess, hundredths, resultSize, small, type Case } from './contractions.js'

const right = <A>(found: E.Either<DeviceError, A>): A => {
  if (E.isLeft(found)) throw new Error(showDeviceError(found.left))
  return found.right
}

const left = <A>(found: E.Either<DeviceError, A>): DeviceError => {
  if (E.isRight(found)) throw new Error('succeeded')
  return found.left
}

const isKoffiHere = await import('koffi').then(
  () => true,
  () => false
)

const found = await blas()()

const isRequired = process.env.PURE_ELECTRA_REQUIRE_BLAS === '1'

/** Skipped by name where there is no BLAS, failing there when `PURE_ELECTRA_REQUIRE_BLAS=1`. */
const itWithBlas = (name: string, test: (multiplier: Blas) => void | Promise<void>): void => {
  if (E.isRight(found) || isRequired) it(name, () => test(right(found)))
  else it.skip(`${name} (skipped: ${showDeviceError(found.left)})`, () => undefined)
}

const multiply = (multiplier: Blas, { contraction, left: a, right: b }: Case): Float32Array => {
  // BLAS scales what `out` held by beta = 0: a NaN must not survive that.
  const out = new Float32Array(resultSize(contraction)).fill(NaN)
  right(right(multiplier.prepare(contraction))(a, b, out)())
  return out
}

/** Numbers in [-3, 3], the same for the same seed. */
const values = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(seed + i * 1.3) * 3)

type Stored = {
  readonly isTransposed: boolean
  readonly isRepeated: boolean
  readonly gap: number
  readonly offset: number
}

const stored: fc.Arbitrary<Stored> = fc.record({
  isTransposed: fc.boolean(),
  isRepeated: fc.boolean(),
  gap: fc.nat({ max: 3 }),
  offset: fc.nat({ max: 5 })
})

/** A batch of matrices in lines with gaps between, each matrix in the place of its own or all in one. */
const inLines = (batch: Shape, rows: number, columns: number, { isTransposed, isRepeated, gap, offset }: Stored) => {
  const [count, length] = isTransposed ? [columns, rows] : [rows, columns]
  const line = length + gap
  const dense = stridesOf(batch).map((stride) => (isRepeated ? 0 : stride * count * line))
  const matrix: StridedMatrix = {
    offset,
    batch: dense,
    row: isTransposed ? 1 : line,
    column: isTransposed ? line : 1
  }
  return { matrix, length: offset + (isRepeated ? 1 : sizeOf(batch)) * count * line }
}

const extent = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }))

/** What BLAS can be told of. An axis of one element gets a stride that means nothing. */
const expressible: fc.Arbitrary<Case> = fc
  .record({
    batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    m: extent,
    n: extent,
    k: extent,
    stored: fc.tuple(stored, stored),
    idle: fc.integer({ min: -2, max: 50 }),
    seed: fc.nat({ max: 99 })
  })
  .map(({ batch, m, n, k, stored: [ofLeft, ofRight], idle, seed }) => {
    const [a, b] = [inLines(batch, m, k, ofLeft), inLines(batch, k, n, ofRight)]
    const idled = (matrix: StridedMatrix, rows: number, columns: number): StridedMatrix => ({
      ...matrix,
      row: rows === 1 ? idle : matrix.row,
      column: columns === 1 ? idle : matrix.column
    })
    return {
      contraction: { batch, m, n, k, left: idled(a.matrix, m, k), right: idled(b.matrix, k, n) },
      left: values(a.length, seed),
      right: values(b.length, seed + 0.5)
    }
  })

/** By the places of elements: along rows, or along columns, each is next to the last, and a line begins after the one before. */
const isInLines = ({ row, column }: StridedMatrix, rows: number, columns: number): boolean =>
  [
    { count: rows, length: columns, line: row, step: column },
    { count: columns, length: rows, line: column, step: row }
  ].some(({ count, length, line, step }) => {
    const lines = Array.from({ length: count }, (_, i) => Array.from({ length }, (_, j) => i * line + j * step))
    const areAdjacent = lines.every((places) => places.every((place, j) => place === places[0] + j))
    return areAdjacent && lines.slice(1).every((places, i) => places[0] > Math.max(...lines[i]))
  })

const areInLines = ({ m, n, k, left: a, right: b }: Contraction): boolean => isInLines(a, m, k) && isInLines(b, k, n)

const dense = (m: number, n: number, k: number): Contraction => ({
  batch: [],
  m,
  n,
  k,
  left: { offset: 0, batch: [], row: k, column: 1 },
  right: { offset: 0, batch: [], row: n, column: 1 }
})

/** A thread that waits for the others to be ready, then repeats one product, each time into the next part of `out`. */
const manyProducts = `
  const { workerData } = require('node:worker_threads')
  const { module, library, contraction, operands, out, times, ready, threads } = workerData
  const cells = out.length / times
  import(module).then(async ({ blas }) => {
    const multiply = (await blas(library)()).right.prepare(contraction).right
    Atomics.add(ready, 0, 1)
    while (Atomics.load(ready, 0) < threads) Atomics.wait(ready, 0, 1, 1)
    for (let i = 0; i < times; i++)
      multiply(operands, operands.subarray(cells), out.subarray(i * cells, (i + 1) * cells))()
  })`

describe('the product of BLAS', () => {
  itWithBlas('is that of the definition, for matrices in lines, batched or not, transposed or not', (multiplier) => {
    fc.assert(
      fc.property(expressible, (data) => {
        expect(excess(data, multiply(multiplier, data))).toBeLessThanOrEqual(0)
      })
    )
  })

  itWithBlas('is that for any strides, or is refused just where matrices are not in lines', (multiplier) => {
    fc.assert(
      fc.property(cases(small, hundredths), (data) => {
        const prepared = multiplier.prepare(data.contraction)
        expect(E.isRight(prepared)).toBe(areInLines(data.contraction))
        if (E.isLeft(prepared)) expect(prepared.left._tag).toBe('Unsupported')
        else expect(excess(data, multiply(multiplier, data))).toBeLessThanOrEqual(0)
      }),
      { numRuns: 400 }
    )
  })

  itWithBlas(
    'takes subnormal numbers for zeros where they would be slow, and leaves those of JavaScript alone',
    (multiplier) => {
      const [m, n, k] = [40, 40, 40]
      const [tiny, one] = [new Float32Array(m * k).fill(2 ** -140), new Float32Array(k * n).fill(1)]
      const isFlushed = process.platform === 'linux' && process.arch === 'x64'
      const found = multiply(multiplier, { contraction: dense(m, n, k), left: tiny, right: one })
      expect(new Set(found)).toEqual(new Set([isFlushed ? 0 : k * 2 ** -140]))
      expect(tiny[0] * one[0]).toBe(2 ** -140)
      expect(Math.fround(found.length * 2 ** -149)).toBe(found.length * 2 ** -149)
    }
  )

  itWithBlas('appears in the memory that it was asked for in, and nowhere else', (multiplier) => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 8, shared: true })
    const [m, n, k] = [3, 5, 4]
    const contraction = { ...dense(m, n, k), left: { offset: 7, batch: [], row: 1, column: m } }
    const run = right(multiplier.prepare(contraction))
    // A kernel of another thread may make the memory grow: the next views are of the longer one.
    for (const grown of [0, 3]) {
      memory.grow(grown)
      const whole = new Float32Array(memory.buffer).fill(-1)
      const [a, b] = [values(7 + m * k, grown), values(k * n, grown + 1)]
      whole.set(a, 100)
      whole.set(b, 300)
      right(run(whole.subarray(100), whole.subarray(300), whole.subarray(500, 500 + m * n))())
      const expected = new Float32Array(whole.length).fill(-1)
      expected.set(a, 100)
      expected.set(b, 300)
      expected.set(multiply(multiplier, { contraction, left: a, right: b }), 500)
      expect(whole).toEqual(expected)
      expect(excess({ contraction, left: a, right: b }, whole.slice(500, 500 + m * n))).toBeLessThanOrEqual(0)
    }
  })

  itWithBlas('is refused where an array does not reach as far as the contraction', (multiplier) => {
    fc.assert(
      fc.property(expressible, fc.nat({ max: 2 }), ({ contraction: c, left: a, right: b }, short) => {
        const reach = (rows: number, columns: number, at: StridedMatrix): number =>
          at.offset +
          [...c.batch, rows, columns]
            .map((count, axis) => (count - 1) * [...at.batch, at.row, at.column][axis])
            .reduce((x, y) => x + y, 1)
        const lengths = [reach(c.m, c.k, c.left), reach(c.k, c.n, c.right), resultSize(c)]
        const [l, r, o] = lengths.map((length, i) => (i === short ? length - 1 : length))
        const run = right(multiplier.prepare(c))
        const out = new Float32Array(lengths[2])
        expect(run(a.subarray(0, lengths[0]), b.subarray(0, lengths[1]), out)()).toEqual(E.right(undefined))
        expect(left(run(a.subarray(0, l), b.subarray(0, r), out.subarray(0, o))())._tag).toBe('WrongArrays')
      })
    )
  })

  itWithBlas('is refused on views of a memory that has grown away from them', (multiplier) => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 })
    const view = new Float32Array(memory.buffer, 0, 64)
    const run = right(multiplier.prepare(dense(2, 2, 2)))
    memory.grow(1)
    expect(left(run(view, view, new Float32Array(4))())._tag).toBe('WrongArrays')
  })

  itWithBlas('has the bits of one thread on two threads at once', async (multiplier) => {
    const [size, times, threads] = [96, 50, 2]
    const cells = size * size
    const contraction = dense(size, size, size)
    const operands = new Float32Array(new SharedArrayBuffer(4 * 2 * cells))
    operands.set(values(2 * cells, 1))
    const outs = Array.from({ length: threads }, () => new Float32Array(new SharedArrayBuffer(4 * times * cells)))
    const ready = new Int32Array(new SharedArrayBuffer(4))
    const module = built('tensor/run/multipliers/blas.js').href
    await Promise.all(
      outs.map((out) => {
        const workerData = { module, library: multiplier.library, contraction, operands, out, times, ready, threads }
        const worker = new Worker(manyProducts, { eval: true, workerData })
        return new Promise((resolve, reject) => worker.once('error', reject).once('exit', resolve))
      })
    )
    const alone = multiply(multiplier, {
      contraction,
      left: operands.subarray(0, cells),
      right: operands.subarray(cells)
    })
    for (const out of outs)
      for (let i = 0; i < times; i++) expect(out.subarray(i * cells, (i + 1) * cells)).toEqual(alone)
  })
})

describe('blas', () => {
  itWithBlas('says what it loaded', (multiplier) => {
    expect(multiplier.name).toBe('blas')
    expect(multiplier.library).not.toBe('')
    expect(multiplier.description).not.toBe('')
  })

  itWithBlas('takes what is in lines and large', ({ takes }) => {
    expect(takes(dense(128, 128, 64))).toBe(true)
    expect(takes({ ...dense(64, 8, 64), batch: [1000] })).toBe(true)
    expect(takes({ ...dense(8, 8, 8), batch: [1000] })).toBe(false)
    const apart = { offset: 0, batch: [], row: 256, column: 2 }
    expect(takes({ ...dense(128, 128, 128), left: apart })).toBe(false)
    expect(takes({ ...dense(128, 128, 128), right: apart })).toBe(false)
  })

  itWithBlas('takes a few rows only against rows', ({ takes }) => {
    const byColumns = { offset: 0, batch: [], row: 1, column: 2048 }
    expect(takes(dense(4, 256, 2048))).toBe(true)
    expect(takes({ ...dense(4, 256, 2048), right: byColumns })).toBe(false)
    expect(takes({ ...dense(16, 256, 2048), right: byColumns })).toBe(true)
  })

  itWithBlas('takes, of the large ones, just those whose matrices are in lines', ({ takes, prepare }) => {
    const large = fc.integer({ min: 26, max: 40 })
    const strides = fc.constantFrom(-1, 0, 1, 2, 30, 40, 50).chain((row) =>
      fc.record({
        row: fc.constant(row),
        column: row === 1 ? fc.constantFrom(0, 1, 30, 40) : fc.constantFrom(1, 1, 1, 2)
      })
    )
    const matrix = strides.map((at): StridedMatrix => ({ offset: 0, batch: [], ...at }))
    fc.assert(
      fc.property(fc.record({ m: large, n: large, k: large, left: matrix, right: matrix }), (extents) => {
        const contraction = { batch: [], ...extents }
        expect(takes(contraction)).toBe(areInLines(contraction))
        expect(E.isRight(prepare(contraction))).toBe(takes(contraction))
      }),
      { numRuns: 400 }
    )
  })
})

describe.skipIf(!isKoffiHere)('a BLAS that is not there', () => {
  const asked = process.env.PURE_ELECTRA_BLAS
  afterEach(() => {
    if (asked === undefined) delete process.env.PURE_ELECTRA_BLAS
    else process.env.PURE_ELECTRA_BLAS = asked
  })

  const reasonFor = async (library?: string): Promise<string> => {
    const e = left(await blas(library)())
    return e._tag === 'DeviceUnavailable' && e.wanted === 'blas' ? e.reason : e._tag
  }

  it('is an error that names it and says what to install', async () => {
    const reason = await reasonFor('/nonexistent.so')
    expect(reason).toContain('tried /nonexistent.so (')
    expect(reason).toContain('libopenblas0-pthread')
  })

  it('is one where the environment named it, whatever else could be found', async () => {
    process.env.PURE_ELECTRA_BLAS = '/nowhere.so'
    expect(await reasonFor()).toContain('tried /nowhere.so')
    expect(await reasonFor('/nonexistent.so')).not.toContain('/nowhere.so')
  })

  it.runIf(process.platform === 'linux')('is one where the library has no matrix product', async () => {
    expect(await reasonFor('libc.so.6')).toContain('libc.so.6 (it has no cblas_sgemm)')
  })
})
