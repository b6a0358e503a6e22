import fc from 'fast-check'
import { setFlagsFromString } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { maximumPages, moduleDraft } from '../../../../src/tensor/emit/wasm/assembler.js'
import {
  addProduct,
  blockDepth,
  packing,
  productScratchBytes,
  type Packing
} from '../../../../src/tensor/emit/wasm/product.js'

// Node 20 has relaxed SIMD behind a flag, later ones without.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd')

type Extents = { readonly m: number; readonly n: number; readonly k: number }

/** Element (i, j) is at `i row + j column` of `elements`, counted from `start`. */
type Matrix = {
  readonly elements: Float32Array
  readonly start: number
  readonly row: number
  readonly column: number
}

type Case = {
  readonly extents: Extents
  readonly left: Matrix
  readonly right: Matrix
  readonly outRow: number
}

const at = ({ elements, start, row, column }: Matrix, i: number, j: number): number =>
  elements[start + i * row + j * column]

/** Cells of the result, in row-major order. */
const cells = ({ m, n }: Extents, value: (i: number, j: number) => number): ReadonlyArray<number> =>
  Array.from({ length: m * n }, (_, cell) => value(Math.floor(cell / n), cell % n))

// ------------------------------------------------------------------ the module, run on a memory full of guards

/** A NaN that arithmetic does not make: a guard that is read shows in the result, one that is written in the memory. */
const guard = 0x7fa5_5a5a
const guardWords = 64

const memory = new WebAssembly.Memory({ initial: 128, maximum: maximumPages })

type Product = (...args: ReadonlyArray<number>) => void

const bytesOf = (relaxed: boolean): Uint8Array<ArrayBuffer> => {
  const draft = moduleDraft()
  addProduct(draft, { relaxed })
  return draft.bytes(false)
}

const load = (relaxed: boolean): Product =>
  new WebAssembly.Instance(new WebAssembly.Module(bytesOf(relaxed)), { env: { memory } }).exports.product as Product

const acceptsRelaxed = WebAssembly.validate(bytesOf(true))

type Outcome = { readonly result: ReadonlyArray<number>; readonly strayWrites: number }

/**
 * The operands lie at the very end of the memory, so that reading beyond the last one traps; `rightLast` says which that
 * is. Everything else is guards.
 */
const run = (product: Product, { extents, left, right, outRow }: Case, rightLast = true, isKept = false): Outcome => {
  const { m, n, k } = extents
  const outWords = (m - 1) * outRow + n
  const scratchWords = productScratchBytes(extents, isKept) / 4
  const [nearer, last] = rightLast ? [left.elements, right.elements] : [right.elements, left.elements]
  const end = memory.buffer.byteLength / 4
  const lastAt = end - last.length
  const nearerAt = lastAt - guardWords - nearer.length
  const scratchAt = nearerAt - guardWords - scratchWords
  const outAt = scratchAt - guardWords - outWords
  const first = outAt - guardWords
  const words = new Uint32Array(memory.buffer)
  const elements = new Float32Array(memory.buffer)
  words.fill(guard, first)
  elements.set(nearer, nearerAt)
  elements.set(last, lastAt)
  const expected = words.slice(first)
  const [leftAt, rightAt] = rightLast ? [nearerAt, lastAt] : [lastAt, nearerAt]
  const multiply = (rightStart: number, packs: Packing): void =>
    product(
      4 * (leftAt + left.start),
      4 * rightStart,
      4 * outAt,
      4 * scratchAt,
      ...[m, n, k, left.row, left.column, right.row, right.column, outRow, packs]
    )
  multiply(rightAt + right.start, isKept ? packing.kept : packing.forgotten)
  if (isKept) {
    for (let i = 0; i < m; i++) elements.fill(0, outAt + i * outRow, outAt + i * outRow + n)
    // An address that reads of would trap at.
    multiply(end, packing.found)
  }
  const isOut = (word: number): boolean => word >= outAt && word < outAt + outWords && (word - outAt) % outRow < n
  const isScratch = (word: number): boolean => word >= scratchAt && word < scratchAt + scratchWords
  let strayWrites = 0
  for (let word = first; word < end; word++)
    if (words[word] !== expected[word - first] && !isOut(word) && !isScratch(word)) strayWrites++
  return { result: cells(extents, (i, j) => elements[outAt + i * outRow + j]), strayWrites }
}

// ------------------------------------------------------------------ what it is to be

/** The sum as the header defines it: in order, `blockDepth` products at a time, every operation rounded to f32. */
const inOrder = ({ extents, left, right }: Case): ReadonlyArray<number> =>
  cells(extents, (i, j) => {
    let total = 0
    for (let first = 0; first < extents.k; first += blockDepth) {
      let sum = 0
      for (let p = first; p < Math.min(extents.k, first + blockDepth); p++)
        sum = Math.fround(sum + Math.fround(at(left, i, p) * at(right, p, j)))
      total = first === 0 ? sum : Math.fround(total + sum)
    }
    return total
  })

/** The sum in float64, which is exact as far as f32 can tell, and the sum of the absolute values of its terms. */
const exact = ({ extents, left, right }: Case): ReadonlyArray<readonly [sum: number, magnitude: number]> => {
  const over = (term: (x: number) => number): ReadonlyArray<number> =>
    cells(extents, (i, j) => {
      let sum = 0
      for (let p = 0; p < extents.k; p++) sum += term(at(left, i, p) * at(right, p, j))
      return sum
    })
  const magnitudes = over(Math.abs)
  return over((x) => x).map((sum, cell) => [sum, magnitudes[cell]])
}

/** The first cell that has not the same bits, as far as NaNs go: one small thing to show, out of so many cells. */
const firstDifference = (
  found: ReadonlyArray<number>,
  expected: ReadonlyArray<number>
): readonly [cell: number, found: number, expected: number] | undefined => {
  const cell = expected.findIndex((value, i) => !Object.is(value, found[i]))
  return cell < 0 ? undefined : [cell, found[cell], expected[cell]]
}

// ------------------------------------------------------------------ cases

/** Numbers of either sign with all 24 bits of f32 in use, so that every addition rounds. */
const noise = (seed: number, length: number): Float32Array => {
  let state = seed | 1
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state / 2 ** 31
  })
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })

/** The strides of a matrix: along rows or along columns, packed or with gaps, repeated, overlapping, backwards. */
const strides = (rows: number, columns: number): fc.Arbitrary<readonly [row: number, column: number]> =>
  fc.oneof(
    fc.nat({ max: 3 }).map((gap) => [columns + gap, 1] as const),
    fc.nat({ max: 3 }).map((gap) => [1, rows + gap] as const),
    fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: -4, max: 4 }))
  )

const matrix = (rows: number, columns: number): fc.Arbitrary<Matrix> =>
  fc.tuple(strides(rows, columns), seeds).map(([[row, column], seed]) => {
    const [down, across] = [row * (rows - 1), column * (columns - 1)]
    return {
      elements: noise(seed, Math.abs(down) + Math.abs(across) + 1),
      start: -Math.min(0, down) - Math.min(0, across),
      row,
      column
    }
  })

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })

/** Mostly small; at times more than one block along one of the axes. */
const extents: fc.Arbitrary<Extents> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ m: upTo(40), n: upTo(40), k: upTo(40) }) },
  { weight: 2, arbitrary: fc.record({ m: upTo(12), n: upTo(20), k: fc.integer({ min: 250, max: 600 }) }) },
  { weight: 1, arbitrary: fc.record({ m: fc.integer({ min: 120, max: 300 }), n: upTo(10), k: upTo(10) }) },
  { weight: 1, arbitrary: fc.record({ m: upTo(10), n: fc.integer({ min: 500, max: 1100 }), k: upTo(10) }) }
)

const caseOf = (e: Extents): fc.Arbitrary<Case> =>
  fc.record({
    extents: fc.constant(e),
    left: matrix(e.m, e.k),
    right: matrix(e.k, e.n),
    // Also rows that lie so far apart that fewer of them are worked on at a time.
    outRow: fc
      .oneof({ weight: 3, arbitrary: fc.nat({ max: 9 }) }, fc.integer({ min: 2030, max: 2060 }))
      .map((gap) => e.n + gap)
  })

const cases = extents.chain(caseOf)

/** Row-major and dense, or the transpose of that. */
const dense = (rows: number, columns: number, seed: number, isTransposed = false): Matrix => ({
  elements: noise(seed, rows * columns),
  start: 0,
  ...(isTransposed ? { row: 1, column: rows } : { row: columns, column: 1 })
})

// ------------------------------------------------------------------ laws

const variants = [
  { name: 'plain', relaxed: false, isPresent: true },
  { name: 'relaxed', relaxed: true, isPresent: acceptsRelaxed }
] as const

describe.each(variants)('the $name wasm product', ({ relaxed, isPresent }) => {
  it.skipIf(!isPresent)('is the product, to the rounding of its operations, whatever the strides', () => {
    const product = load(relaxed)
    fc.assert(
      fc.property(cases, (known) => {
        // On its way into the sum a term is rounded at most k times, each time by at most 2^-24 of a value no larger than
        // the magnitude: the product once, and the first addition, to 0, is exact. 1.001 covers the higher orders.
        const unit = 1.001 * known.extents.k * 2 ** -24
        const { result } = run(product, known)
        const worst = exact(known).map(([sum, magnitude], cell) => Math.abs(result[cell] - sum) - unit * magnitude)
        expect(Math.max(...worst)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 200 }
    )
  })

  it.skipIf(!isPresent)('writes its result and its scratch alone, and reads nothing beyond its operands', () => {
    const product = load(relaxed)
    fc.assert(
      fc.property(cases, fc.boolean(), (known, rightLast) => {
        const { result, strayWrites } = run(product, known, rightLast)
        expect(strayWrites).toBe(0)
        expect(result.some(Number.isNaN)).toBe(false)
      }),
      { numRuns: 200 }
    )
  })

  it.skipIf(!isPresent)('gives a panel the bits that it has in the whole', () => {
    const product = load(relaxed)
    const panels = cases.chain((known) =>
      fc.record({
        known: fc.constant(known),
        i: fc.nat({ max: known.extents.m - 1 }),
        j: fc.nat({ max: known.extents.n - 1 })
      })
    )
    fc.assert(
      fc.property(panels, ({ known, i, j }) => {
        const { extents: whole, left, right } = known
        const part = { m: whole.m - i, n: whole.n - j, k: whole.k }
        const panel: Case = {
          ...known,
          extents: part,
          left: { ...left, start: left.start + i * left.row },
          right: { ...right, start: right.start + j * right.column }
        }
        const { result } = run(product, known)
        const expected = cells(part, (row, column) => result[(i + row) * whole.n + j + column])
        expect(firstDifference(run(product, panel).result, expected)).toBeUndefined()
      })
    )
  })

  it.skipIf(!isPresent)('carries NaN and infinities to the cells they belong to, and no further', () => {
    const product = load(relaxed)
    const extents = { m: 7, n: 11, k: 300 }
    const left = dense(7, 300, 1)
    const right = dense(300, 11, 2)
    left.elements[2 * 300 + 290] = NaN
    left.elements[5 * 300 + 3] = Infinity
    right.elements[3 * 11 + 10] = 0
    right.elements[7 * 11 + 8] = -Infinity
    const known = { extents, left, right, outRow: 11 }
    const kind = (x: number): number => (Number.isFinite(x) ? 0 : x)
    const { result } = run(product, known)
    expect(result.map(kind)).toEqual(exact(known).map(([sum]) => kind(sum)))
    expect(new Set(result.map(kind))).toEqual(new Set([0, NaN, Infinity, -Infinity]))
  })
})

describe('the plain wasm product', () => {
  const product = load(false)

  it('adds in order, a block of the contraction at a time, and so has the same bits everywhere', () => {
    fc.assert(
      fc.property(cases, (known) => {
        expect(firstDifference(run(product, known).result, inOrder(known))).toBeUndefined()
      }),
      { numRuns: 200 }
    )
  })

  const transpositions = [false, true].flatMap((left) => [false, true].map((right) => ({ left, right })))
  it.each(transpositions)('goes on from block to block along every axis (transposed: %o)', (isTransposed) => {
    const extents = { m: 133, n: 517, k: blockDepth + 5 }
    const known = {
      extents,
      left: dense(extents.m, extents.k, 3, isTransposed.left),
      right: dense(extents.k, extents.n, 4, isTransposed.right),
      outRow: extents.n + 3
    }
    const { result, strayWrites } = run(product, known)
    expect(strayWrites).toBe(0)
    expect(firstDifference(result, inOrder(known))).toBeUndefined()
  })
})

describe('a right operand that is kept packed', () => {
  const product = load(false)

  it('gives the product that finds it the same bits, and nothing else is written or read', () => {
    fc.assert(
      fc.property(cases, (known) => {
        const { result, strayWrites } = run(product, known, true, true)
        expect(strayWrites).toBe(0)
        expect(firstDifference(result, inOrder(known))).toBeUndefined()
      }),
      { numRuns: 200 }
    )
  })
})

describe('subnormal elements', () => {
  const product = load(false)
  const leastNormal = 2 ** -126
  const sparse: fc.Arbitrary<number> = fc.oneof(
    fc.integer({ min: -(2 ** 23) + 1, max: 2 ** 23 - 1 }).map((units) => units * 2 ** -149),
    fc.constantFrom(leastNormal, -leastNormal, 1, -3, NaN, Infinity, 2 ** 127)
  )

  it('count as zeros, and no others do, on either side and whatever the strides', () => {
    const withSubnormals = (of: Matrix): fc.Arbitrary<Matrix> =>
      fc
        .array(sparse, { minLength: of.elements.length, maxLength: of.elements.length })
        .map((elements) => ({ ...of, elements: Float32Array.from(elements) }))
    const mixed = fc
      .record({ m: upTo(9), n: upTo(20), k: upTo(9) })
      .chain(caseOf)
      .chain((known) =>
        fc.record({
          extents: fc.constant(known.extents),
          outRow: fc.constant(known.outRow),
          left: withSubnormals(known.left),
          right: withSubnormals(known.right)
        })
      )
    const flushed = (of: Matrix): Matrix => ({
      ...of,
      elements: of.elements.map((x) => (Math.abs(x) < leastNormal ? 0 : x))
    })
    fc.assert(
      fc.property(mixed, (known) => {
        const expected = inOrder({ ...known, left: flushed(known.left), right: flushed(known.right) })
        expect(firstDifference(run(product, known).result, expected)).toBeUndefined()
      }),
      { numRuns: 200 }
    )
  })
})

describe('the scratch of a product', () => {
  it('grows with no extent beyond a block of it', () => {
    expect(productScratchBytes({ m: 1, n: 1, k: 1 })).toBeLessThan(256)
    expect(productScratchBytes({ m: 30_522, n: 30_522, k: 30_522 })).toBeLessThan(2 ** 20)
  })
})
