/**
 * Fused loops that nobody chose, with buffers to run them on.
 *
 * Every result is exact, whatever the order of additions: sums of f32 are taken only of integers small enough. Other f32
 * operations are those that every machine rounds alike.
 */

import fc from 'fast-check'
import { dtypes, type Data, type DType } from '../../../src/tensor/dtype.js'
import {
  binaries,
  comparisons,
  unaries,
  type Binary,
  type Comparison,
  type Reduction,
  type Unary
} from '../../../src/tensor/elementwise.js'
import { operandsOf, type FusedLoop, type FusedStep, type Store } from '../../../src/tensor/program/fused.js'
import type { Affine, BufferSpec } from '../../../src/tensor/program/kernel.js'

export type LoopCase = {
  readonly loop: FusedLoop
  /** Those that the loop reads, then those that it writes. */
  readonly buffers: ReadonlyArray<BufferSpec>
  /** What it reads. */
  readonly inputs: ReadonlyArray<Data>
  /** Rows of the first axis in the first of two parts. */
  readonly cut: number
}

type Choices = {
  readonly below: (n: number) => number
  readonly of: <A>(options: ReadonlyArray<A>) => A
}

const choicesFrom = (numbers: ReadonlyArray<number>): Choices => {
  let next = 0
  const below = (n: number): number => numbers[next++ % numbers.length] % n
  return { below, of: (options) => options[below(options.length)] }
}

/** The largest sum of integers that f32 holds exactly. */
const exact = 2 ** 24

const unaryNames = Object.keys(unaries) as ReadonlyArray<Unary>
const binaryNames = Object.keys(binaries) as ReadonlyArray<Binary>
const comparisonNames = Object.keys(comparisons) as ReadonlyArray<Comparison>
const reductions: ReadonlyArray<Reduction> = ['sum', 'max', 'min']

/** Rounded alike everywhere. */
const exactUnaries: ReadonlyArray<Unary> = ['neg', 'abs', 'sign', 'floor', 'sqrt']

const value = (dtype: DType, n: number): number => {
  switch (dtype) {
    case 'f32':
      return n % 41 === 0 ? [NaN, Infinity, -Infinity, -0, 1e30][n % 5] : (n % 33) / 4 - 4
    case 'i32':
      return n % 11 === 0 ? (n * 65_537 * 31) | 0 : (n % 13) - 4
    case 'u32':
      return n % 11 === 0 ? (n * 65_537 * 31) >>> 0 : n % 13
    case 'bool':
      return n % 2
  }
}

const filled = (dtype: DType, size: number, seed: number): Data => {
  const values = Array.from({ length: size }, (_, i) => value(dtype, (seed + i * 7919) % 65_521))
  switch (dtype) {
    case 'f32':
      return Float32Array.from(values)
    case 'i32':
      return Int32Array.from(values)
    case 'u32':
      return Uint32Array.from(values)
    case 'bool':
      return Uint8Array.from(values)
  }
}

const product = (extents: ReadonlyArray<number>): number => extents.reduce((a, b) => a * b, 1)

/** The size of the smallest buffer that holds all places of an access. */
const reach = (extents: ReadonlyArray<number>, { offset, strides }: Affine): number =>
  1 + extents.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], offset)

const build = (extents: ReadonlyArray<number>, numbers: ReadonlyArray<ReadonlyArray<number>>): LoopCase => {
  const row = extents.length - 1
  const rows = product(extents.slice(0, -1))
  const body: Array<FusedStep> = []
  const stores: Array<Store> = []
  const specs: Array<{ dtype: DType; size: number }> = []
  /** Of f32 steps that are integers: the largest magnitude. */
  const bounds = new Map<number, number>()
  /** Steps that nothing more may use. */
  const hidden = new Set<number>()

  const add = (step: FusedStep): number => body.push(step) - 1
  const varies: Array<boolean> = []
  const variesAt = (i: number): boolean => {
    for (let k = varies.length; k <= i; k++) {
      const step = body[k]
      const moves = 'at' in step && step.at.strides[row] !== 0
      varies.push(step._tag !== 'fold' && (moves || operandsOf(step).some((x) => varies[x])))
    }
    return varies[i]
  }

  const constant = (dtype: DType, x: number): number => add({ _tag: 'constant', dtype, value: x })
  const binary = (dtype: DType, fn: Binary, x: number, y: number): number => add({ _tag: 'binary', dtype, fn, x, y })

  const buffer = (dtype: DType, size: number): number => specs.push({ dtype, size }) - 1

  /** Strides as of a dense array with its axes in some order, or with some of them left out. */
  const access = (choose: Choices, keeps: (axis: number) => boolean): Affine => {
    const strides = extents.map(() => 0)
    const axes = extents.map((_, axis) => axis).filter(keeps)
    // Mostly the row moves fastest.
    if (choose.below(3) > 0) axes.reverse()
    let stride = choose.of([1, 1, 1, 1, 2, 3])
    for (const axis of axes) {
      strides[axis] = stride
      stride = stride * extents[axis] + choose.of([0, 0, 1])
    }
    return { offset: choose.of([0, 0, 0, 1, 5]), strides }
  }

  const pick = (choose: Choices, suits: (i: number) => boolean): number | undefined => {
    const found = body.flatMap((_, i) => (suits(i) && !hidden.has(i) ? [i] : []))
    // The newest, mostly: chains.
    return found.length === 0 ? undefined : found[Math.max(0, found.length - 1 - choose.below(choose.of([1, 2, 4, 9])))]
  }
  const isOf =
    (...accepted: ReadonlyArray<DType>) =>
    (i: number): boolean =>
      accepted.includes(body[i].dtype)

  /** An f32 step as small integers, of which a few thousand can be added exactly. */
  const whole = (x: number): number => {
    const known = bounds.get(x)
    if (known !== undefined) return x
    const clamped = binary('f32', 'min', binary('f32', 'max', x, constant('f32', -8)), constant('f32', 8))
    const floored = add({ _tag: 'unary', dtype: 'f32', fn: 'floor', x: clamped })
    bounds.set(floored, 8)
    return floored
  }

  /** A step whose sum over `count` elements is exact in any order. */
  const summable = (x: number, count: number): number | undefined => {
    if (body[x].dtype !== 'f32') return x
    const small = whole(x)
    return (bounds.get(small) ?? exact) * count < exact ? small : undefined
  }

  const load = (choose: Choices): void => {
    const dtype = choose.of<DType>(['f32', 'f32', 'f32', 'i32', 'u32', 'bool'])
    const at = access(choose, (axis) => (axis === row ? choose.below(4) > 0 : choose.below(3) > 0))
    const old = specs.flatMap((spec, i) => (spec.dtype === dtype ? [i] : []))
    const of = old.length > 0 && choose.below(3) === 0 ? choose.of(old) : buffer(dtype, 0)
    specs[of].size = Math.max(specs[of].size, reach(extents, at))
    add({ _tag: 'load', dtype, buffer: of, at })
  }

  const index = (choose: Choices): void => {
    const at = access(choose, () => choose.below(2) > 0)
    add({ _tag: 'index', dtype: choose.of<DType>(['f32', 'i32', 'u32']), at })
  }

  /** An i32 step with values in and a little out of `[0, extent)`. */
  const indexInto = (choose: Choices, extent: number): number | undefined => {
    const x = pick(choose, isOf('i32'))
    return x === undefined ? undefined : binary('i32', 'rem', x, constant('i32', extent + 2))
  }

  const lookup = (choose: Choices): void => {
    const extent = choose.of([0, 1, 3, 3, 6])
    const j = indexInto(choose, extent)
    if (j === undefined) return
    const dtype = choose.of(dtypes)
    const at = access(choose, () => choose.below(2) > 0)
    const stride = choose.of([1, 2, extents[row]])
    const size = extent === 0 ? 0 : reach(extents, at) + (extent - 1) * stride
    add({ _tag: 'lookup', dtype, buffer: buffer(dtype, size), at, index: j, extent, stride })
  }

  const compute = (choose: Choices): void => {
    const dtype = choose.of<DType>(['f32', 'f32', 'i32', 'u32', 'bool'])
    const x = pick(choose, isOf(dtype))
    if (x === undefined) return
    switch (choose.below(6)) {
      case 0: {
        const fns = (dtype === 'f32' ? exactUnaries : unaryNames).filter((fn) => accepts(unaries[fn], dtype))
        if (fns.length > 0) add({ _tag: 'unary', dtype, fn: choose.of(fns), x })
        return
      }
      case 1: {
        const y = pick(choose, isOf(dtype)) ?? x
        const fn = choose.of(comparisonNames.filter((name) => accepts(comparisons[name], dtype)))
        add({ _tag: 'compare', dtype: 'bool', of: dtype, fn, x, y })
        return
      }
      case 2: {
        const condition = pick(choose, isOf('bool'))
        const y = pick(choose, isOf(dtype)) ?? x
        if (condition !== undefined) add({ _tag: 'select', dtype, condition, ifTrue: x, ifFalse: y })
        return
      }
      case 3:
        add({ _tag: 'cast', dtype: choose.of(dtypes), from: dtype, x })
        return
      default: {
        const y = choose.below(4) === 0 ? constant(dtype, value(dtype, choose.below(1000))) : pick(choose, isOf(dtype))
        const fns = binaryNames.filter((fn) => fn !== 'pow' && accepts(binaries[fn], dtype))
        const [l, r] = choose.below(2) === 0 ? [x, y ?? x] : [y ?? x, x]
        binary(dtype, choose.of(fns), l, r)
      }
    }
  }

  const foldOf = (fn: Reduction, x: number): number | undefined => {
    const { dtype } = body[x]
    if (fn === 'sum') {
      const of = summable(x, extents[row])
      if (of === undefined) return undefined
      const sum = add({ _tag: 'fold', dtype, fn, x: of })
      const bound = bounds.get(of)
      if (bound !== undefined) bounds.set(sum, bound * extents[row])
      return sum
    }
    const best = add({ _tag: 'fold', dtype, fn, x })
    if (dtype !== 'f32') return best
    // Of zeros of both signs either may be the best: adding 0 makes them one.
    hidden.add(best)
    return binary('f32', 'add', best, constant('f32', 0))
  }

  const fold = (choose: Choices): void => {
    const x = pick(choose, isOf('f32', 'i32', 'u32'))
    if (x !== undefined) foldOf(choose.of(reductions), x)
  }

  /** What a softmax does: something that costs much, and what it folds to, together. */
  const normalise = (choose: Choices): void => {
    const x = pick(choose, isOf('f32'))
    if (x === undefined) return
    const dear = binary('f32', 'div', x, pick(choose, isOf('f32')) ?? x)
    const total = foldOf(choose.of(reductions), dear)
    if (total !== undefined) binary('f32', choose.of(['sub', 'div', 'max']), dear, total)
  }

  const recipes = [load, load, index, lookup, compute, compute, compute, compute, compute, fold, normalise]
  load(choicesFrom(numbers[0]))
  for (const list of numbers) {
    const choose = choicesFrom(list)
    choose.of(recipes)(choose)
  }

  const read = specs.length

  // ---------------------------------------------------------------- stores

  /** Every element of the nest to a place of its own. */
  const storeAll = (choose: Choices): void => {
    const x = pick(choose, () => true) ?? 0
    const at = access(choose, () => true)
    const to = buffer(body[x].dtype, reach(extents, at))
    stores.push({ buffer: to, at, value: x, combine: undefined, scatter: undefined })
  }

  const storeOnce = (choose: Choices): void => {
    // All that a row of one element holds is the same along it.
    const x = pick(choose, (i) => extents[row] === 1 || !variesAt(i))
    if (x === undefined) return
    const at = access(choose, (axis) => axis !== row)
    const to = buffer(body[x].dtype, reach(extents, at))
    stores.push({ buffer: to, at, value: x, combine: undefined, scatter: undefined })
  }

  const storeCombined = (choose: Choices): void => {
    const moves = choose.below(3) > 0
    const x = pick(choose, (i) => body[i].dtype !== 'bool' && (moves || !variesAt(i)))
    if (x === undefined) return
    const combine = choose.of(reductions)
    const of = combine === 'sum' ? summable(x, rows) : x
    if (of === undefined) return
    const at = access(choose, (axis) => (axis === row ? moves : choose.below(2) === 0))
    const to = buffer(body[of].dtype, reach(extents, at) + choose.of([0, 3]))
    stores.push({ buffer: to, at, value: of, combine, scatter: undefined })
  }

  const storeScattered = (choose: Choices): void => {
    const extent = choose.of([1, 3, 6])
    const j = indexInto(choose, extent)
    const x = pick(choose, (i) => body[i].dtype !== 'bool')
    const of = x === undefined ? undefined : summable(x, rows * extents[row])
    if (j === undefined || of === undefined) return
    const at = access(choose, () => choose.below(2) === 0)
    const stride = choose.of([1, reach(extents, at)])
    const to = buffer(body[of].dtype, reach(extents, at) + (extent - 1) * stride + choose.of([0, 3]))
    stores.push({ buffer: to, at, value: of, combine: 'sum', scatter: { index: j, extent, stride } })
  }

  const kinds = [storeAll, storeAll, storeOnce, storeCombined, storeScattered]
  for (const list of numbers.slice(0, 5)) {
    const choose = choicesFrom([...list].reverse())
    choose.of(kinds)(choose)
  }
  if (stores.length === 0) storeAll(choicesFrom(numbers[0]))
  const seed = numbers[0][0]
  return {
    loop: { _tag: 'loop', extents, body, stores },
    buffers: specs,
    inputs: specs.slice(0, read).map(({ dtype, size }, i) => filled(dtype, size, seed + 1013 * i)),
    cut: seed % (extents.length > 1 ? extents[0] + 1 : 2)
  }
}

const accepts = ({ accepts: list }: { readonly accepts: ReadonlyArray<DType> }, dtype: DType): boolean =>
  list.includes(dtype)

const extentsOf = fc.oneof(
  { weight: 8, arbitrary: fc.array(fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 11, 16, 33), { minLength: 1, maxLength: 3 }) },
  // Rows of several blocks.
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 2100 }).map((n) => [n]) }
)

const number = fc.nat({ max: 65_535 })

export const loops = (size = 16): fc.Arbitrary<LoopCase> =>
  fc
    .record({
      extents: extentsOf.filter((extents) => product(extents) <= 2200),
      numbers: fc.array(fc.array(number, { minLength: 12, maxLength: 12 }), {
        minLength: 3,
        maxLength: size,
        size: 'max'
      })
    })
    .map(({ extents, numbers }) => build(extents, numbers))
