/**
 * Random expression graphs, for holding devices to the reference.
 *
 * Every f32 value carries a bound on its magnitude and one on the error that a device may have made by then, both by
 * induction over the operations; so the tolerance of an output is derived, not chosen. Discontinuous operations
 * (comparisons, floor, sign, conversion to integers) are only ever fed values without error. Integers and bools have no
 * error at all.
 *
 * A graph is grown from a list of recipes (plain numbers), each read against what exists already: dropping a recipe
 * leaves a graph, so failures shrink to short ones.
 */

import fc from 'fast-check'
import type { Data, DType } from '../../../src/tensor/dtype.js'
import { acceptsBinary, acceptsComparison, binaries, comparisons, type Unary } from '../../../src/tensor/elementwise.js'
import type { Binary, Comparison } from '../../../src/tensor/elementwise.js'
import { broadcastsTo, equalShapes, sizeOf, type Shape } from '../../../src/tensor/shape.js'
import * as T from '../../../src/tensor/tensor.js'
import type { Tensor } from '../../../src/tensor/tensor.js'

/** A tensor with what is known of its values; `error` is 0 for integers and bools. */
export type Known = { readonly tensor: Tensor; readonly bound: number; readonly error: number }

export type Graph = {
  readonly inputs: ReadonlyArray<Tensor>
  readonly data: ReadonlyArray<Data>
  readonly outputs: ReadonlyArray<Known>
}

/** One rounding to f32 is 2^-24; the rest is room for functions that are good to a few units in the last place. */
const eps = 4 * 2 ** -24

/** Past these, values are only moved: the tolerance must stay small against what it judges. */
const largestBound = 1e4
const largestError = 1e-2
const largestSize = 2048

/** Reads decisions from a list of numbers; zeros once it is used up. */
type Choices = {
  readonly below: (n: number) => number
  readonly of: <A>(list: ReadonlyArray<A>) => A
}

const choicesFrom = (numbers: ReadonlyArray<number>): Choices => {
  let next = 0
  const below = (n: number): number => (next < numbers.length ? numbers[next++] % n : 0)
  return { below, of: (list) => list[below(list.length)] }
}

const known = (tensor: Tensor, bound = 0, error = 0): Known => ({ tensor, bound, error })

const isCalm = (x: Known): boolean =>
  sizeOf(x.tensor.shape) <= largestSize &&
  (x.tensor.dtype !== 'f32' || (x.bound <= largestBound && x.error <= largestError))

const isFinite = (x: Known): boolean => x.tensor.dtype !== 'f32' || Number.isFinite(x.bound)

/** `f` applied to the tensor; the values are some of the same. */
const moved = (f: (x: Tensor) => Tensor, x: Known): Known => ({ ...x, tensor: f(x.tensor) })

const filled = (value: number, shape: Shape, dtype: DType): Tensor =>
  T.broadcastNode(shape, T.constantNode(value, dtype))

/** Some elements of `x` in another shape: as it is, broadcast, reshaped, or its first element everywhere. */
const fitted = (shape: Shape, x: Known): Known | undefined => {
  const from = x.tensor.shape
  if (equalShapes(from, shape)) return x
  if (broadcastsTo(from, shape)) return moved((t) => T.broadcastNode(shape, t), x)
  if (sizeOf(from) === sizeOf(shape)) return moved((t) => T.reshapeNode(shape, t), x)
  if (sizeOf(from) === 0) return undefined
  const ones = from.map(() => 1)
  return moved((t) => {
    const first = T.sliceNode(
      from.map(() => 0),
      ones,
      ones,
      t
    )
    return T.broadcastNode(shape, T.reshapeNode([], first))
  }, x)
}

/** `max(|x|, least)`, between `least` and `most`. */
const clamped = (least: number, most: number, x: Known): Known => {
  const { shape } = x.tensor
  const floor = T.binaryNode('max', T.unaryNode('abs', x.tensor), filled(least, shape, 'f32'))
  return known(
    T.binaryNode('min', floor, filled(most, shape, 'f32')),
    Math.min(Math.max(x.bound, least), most),
    x.error
  )
}

const floatUnary = (fn: Exclude<Unary, 'not'>, x: Known): Known | undefined => {
  const of = (y: Known, bound: number, slope: number): Known =>
    known(T.unaryNode(fn, y.tensor), bound, slope * y.error + eps * (bound + 1))
  const whole = Number.isInteger(x.bound) ? x.bound : Math.ceil(x.bound)
  switch (fn) {
    case 'neg':
    case 'abs':
      return known(T.unaryNode(fn, x.tensor), x.bound, x.error)
    case 'sign':
      return x.error === 0 ? known(T.unaryNode(fn, x.tensor), 1, 0) : undefined
    case 'floor':
      return x.error === 0 ? known(T.unaryNode(fn, x.tensor), whole, 0) : undefined
    case 'exp':
    case 'expm1':
      return x.bound <= 4 ? of(x, Math.exp(x.bound), 1.1 * Math.exp(x.bound)) : undefined
    case 'log':
      return of(clamped(0.5, 1e3, x), 7, 2)
    case 'log1p':
      return of(clamped(0, 1e3, x), 7, 1)
    case 'sqrt':
      return of(clamped(0.25, 1e3, x), 32, 1)
    case 'rsqrt':
      return of(clamped(0.25, 1e3, x), 2, 4)
    case 'sin':
    case 'cos':
    case 'tanh':
    case 'sigmoid':
      return of(x, 1, 1)
    case 'erf':
      return of(x, 1, 1.2)
    case 'softplus':
      return of(x, x.bound + 0.7, 1)
  }
}

const floatBinary = (fn: Binary, a: Known, b: Known): Known | undefined => {
  const of = (x: Known, y: Known, bound: number, error: number): Known =>
    known(T.binaryNode(fn, x.tensor, y.tensor), bound, error + eps * bound)
  switch (fn) {
    case 'add':
    case 'sub':
      return of(a, b, a.bound + b.bound, a.error + b.error)
    case 'mul':
      return of(a, b, a.bound * b.bound, a.error * b.bound + b.error * (a.bound + a.error))
    case 'div': {
      const y = clamped(0.5, 1e4, b)
      return of(a, y, 2 * a.bound, 2 * a.error + 4 * a.bound * y.error)
    }
    case 'pow': {
      // For x in [1/2, 4] and y in [0, 2]: |d/dx| <= 8 and |d/dy| <= 23.
      const [x, y] = [clamped(0.5, 4, a), clamped(0, 2, b)]
      return of(x, y, 16, 8 * x.error + 23 * y.error)
    }
    case 'max':
    case 'min':
      return known(T.binaryNode(fn, a.tensor, b.tensor), Math.max(a.bound, b.bound), Math.max(a.error, b.error))
    case 'rem':
    case 'and':
    case 'or':
    case 'xor':
    case 'shl':
    case 'shr':
      return undefined
  }
}

const keysOf = <K extends string>(table: Readonly<Record<K, unknown>>): ReadonlyArray<K> =>
  Object.keys(table) as Array<K>

const floatUnaries: ReadonlyArray<Exclude<Unary, 'not'>> = [
  'neg', 'abs', 'sign', 'floor', 'exp', 'expm1', 'log', 'log1p', 'sqrt', 'rsqrt', 'sin', 'cos', 'tanh', 'erf', 'sigmoid',
  'softplus'
] // prettier-ignore

/** Every other time one of the newest: so that chains grow. */
const newest = (choose: Choices, pool: ReadonlyArray<Known>): ReadonlyArray<Known> =>
  choose.below(2) === 0 ? pool : pool.slice(-3)

type Recipe = (choose: Choices, pool: ReadonlyArray<Known>) => Known | undefined

const some = (choose: Choices, pool: ReadonlyArray<Known>, fits: (x: Known) => boolean): Known | undefined => {
  const fitting = pool.filter(fits)
  return fitting.length === 0 ? undefined : choose.of(newest(choose, fitting))
}

const isOf =
  (...dtypes: ReadonlyArray<DType>) =>
  (x: Known): boolean =>
    dtypes.includes(x.tensor.dtype) && isFinite(x)

const unary: Recipe = (choose, pool) => {
  const x = some(choose, pool, isFinite)
  if (x === undefined) return undefined
  switch (x.tensor.dtype) {
    case 'f32':
      return floatUnary(choose.of(floatUnaries), x)
    case 'i32':
      return known(T.unaryNode(choose.of(['neg', 'abs', 'sign', 'not'] as const), x.tensor))
    case 'u32':
    case 'bool':
      return known(T.unaryNode('not', x.tensor))
  }
}

const pair = (choose: Choices, pool: ReadonlyArray<Known>, fits: (x: Known) => boolean): [Known, Known] | undefined => {
  const a = some(choose, pool, fits)
  const b = a && some(choose, pool, (x) => fits(x) && x.tensor.dtype === a.tensor.dtype)
  const c = a && b && fitted(a.tensor.shape, b)
  if (a === undefined || c === undefined) return undefined
  return choose.below(2) === 0 ? [a, c] : [c, a]
}

const binary: Recipe = (choose, pool) => {
  const both = pair(choose, pool, isFinite)
  if (both === undefined) return undefined
  const { dtype } = both[0].tensor
  const fn = choose.of(keysOf<Binary>(binaries).filter((f) => acceptsBinary(f).includes(dtype)))
  return dtype === 'f32' ? floatBinary(fn, ...both) : known(T.binaryNode(fn, both[0].tensor, both[1].tensor))
}

const compare: Recipe = (choose, pool) => {
  const both = pair(choose, pool, (x) => x.error === 0)
  if (both === undefined) return undefined
  const { dtype } = both[0].tensor
  const fn = choose.of(keysOf<Comparison>(comparisons).filter((f) => acceptsComparison(f).includes(dtype)))
  return known(T.compareNode(fn, both[0].tensor, both[1].tensor))
}

const select: Recipe = (choose, pool) => {
  const both = pair(choose, pool, () => true)
  const condition = some(choose, pool, isOf('bool'))
  const fit = both && condition && fitted(both[0].tensor.shape, condition)
  if (both === undefined || fit === undefined) return undefined
  const [a, b] = both
  return known(T.selectNode(fit.tensor, a.tensor, b.tensor), Math.max(a.bound, b.bound), Math.max(a.error, b.error))
}

const cast: Recipe = (choose, pool) => {
  const to = choose.of<DType>(['f32', 'i32', 'u32', 'bool'])
  const x = some(choose, pool, (y) => to === 'f32' || y.error === 0)
  if (x === undefined) return undefined
  const tensor = T.castNode(to, x.tensor)
  if (to !== 'f32') return known(tensor)
  const bound = { f32: x.bound, i32: 2 ** 31, u32: 2 ** 32, bool: 1 }[x.tensor.dtype]
  return known(tensor, bound, x.tensor.dtype === 'bool' ? 0 : x.tensor.dtype === 'f32' ? x.error : eps * bound)
}

const someAxes = (choose: Choices, rank: number): ReadonlyArray<number> =>
  Array.from({ length: rank }, (_, axis) => axis).filter(() => choose.below(2) === 1)

const reduce: Recipe = (choose, pool) => {
  const x = some(choose, pool, isOf('f32', 'i32', 'u32'))
  if (x === undefined) return undefined
  const fn = choose.of(['sum', 'max', 'min'] as const)
  const axes = someAxes(choose, x.tensor.shape.length)
  const tensor = T.reduceNode(fn, axes, x.tensor)
  const n = sizeOf(axes.map((axis) => x.tensor.shape[axis]))
  if (x.tensor.dtype !== 'f32') return known(tensor)
  // An empty maximum is -Infinity: exact, and nothing but movement and comparison may follow.
  if (fn !== 'sum') return known(tensor, n === 0 ? Infinity : x.bound, x.error)
  // Up to n roundings, each of a sum of up to n elements.
  return known(tensor, n * x.bound, n * x.error + (n < 2 ? 0 : n * eps * n * x.bound))
}

/** Another shape of the same size: an axis split, two merged, a one inserted, or the axes flattened. */
const reshape: Recipe = (choose, pool) => {
  const x = choose.of(newest(choose, pool))
  const { shape } = x.tensor
  const axis = choose.below(Math.max(1, shape.length))
  const to = ((): Shape => {
    switch (choose.below(4)) {
      case 0:
        return shape.length === 0
          ? [1]
          : [...shape.slice(0, axis), ...factors(choose, shape[axis]), ...shape.slice(axis + 1)]
      case 1:
        return shape.length < 2
          ? shape
          : [
              ...shape.slice(0, Math.max(0, axis - 1)),
              sizeOf(shape.slice(Math.max(0, axis - 1), axis + 1)),
              ...shape.slice(axis + 1)
            ]
      case 2:
        return [...shape.slice(0, axis), 1, ...shape.slice(axis)]
      default:
        return [sizeOf(shape)]
    }
  })()
  return to.length > 5 ? undefined : moved((t) => T.reshapeNode(to, t), x)
}

const factors = (choose: Choices, n: number): Shape => {
  const divisors = Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0)
  if (divisors.length === 0) return [choose.below(4), 0]
  const d = choose.of(divisors)
  return [d, n / d]
}

const permute: Recipe = (choose, pool) => {
  const x = choose.of(newest(choose, pool))
  const left = x.tensor.shape.map((_, axis) => axis)
  const order = x.tensor.shape.map(() => left.splice(choose.below(left.length), 1)[0])
  return moved((t) => T.permuteNode(order, t), x)
}

const broadcast: Recipe = (choose, pool) => {
  const x = choose.of(newest(choose, pool))
  const stretched = x.tensor.shape.map((d) => (d === 1 ? choose.below(4) : d))
  const to = stretched.length < 5 && choose.below(2) === 1 ? [choose.below(4), ...stretched] : stretched
  return moved((t) => T.broadcastNode(to, t), x)
}

const slice: Recipe = (choose, pool) => {
  const x = choose.of(newest(choose, pool))
  const ranges = x.tensor.shape.map((d) => {
    const start = choose.below(d + 1)
    const step = 1 + choose.below(3)
    return { start, step, extent: choose.below(Math.ceil((d - start) / step) + 1) }
  })
  return moved(
    (t) =>
      T.sliceNode(
        ranges.map((r) => r.start),
        ranges.map((r) => r.step),
        ranges.map((r) => r.extent),
        t
      ),
    x
  )
}

const pad: Recipe = (choose, pool) => {
  const x = choose.of(newest(choose, pool))
  const widths = (n: number): ReadonlyArray<number> => x.tensor.shape.map(() => choose.below(n))
  return { ...moved((t) => T.padNode(widths(3), widths(3), widths(3), 1, t), x), bound: Math.max(1, x.bound) }
}

const concat: Recipe = (choose, pool) => {
  const first = some(choose, pool, (x) => x.tensor.shape.length > 0)
  if (first === undefined) return undefined
  const { shape, dtype } = first.tensor
  const axis = choose.below(shape.length)
  const rest = Array.from({ length: choose.below(3) }, () => {
    const extent = choose.below(4)
    const x = some(choose, pool, (y) => y.tensor.dtype === dtype)
    return (
      x &&
      fitted(
        shape.map((d, i) => (i === axis ? extent : d)),
        x
      )
    )
  })
  const parts = [first, ...rest.flatMap((x) => x ?? [])]
  return known(
    T.concatNode(
      axis,
      parts.map((x) => x.tensor)
    ),
    Math.max(...parts.map((x) => x.bound)),
    Math.max(...parts.map((x) => x.error))
  )
}

/** Pairs axes of equal extent while there are any, as batch, as contracted or not at all. */
const dot: Recipe = (choose, pool) => {
  const a = some(choose, pool, isOf('f32', 'i32', 'u32'))
  const b = a && some(choose, pool, (x) => x.tensor.dtype === a.tensor.dtype && isFinite(x))
  if (a === undefined || b === undefined) return undefined
  const free = b.tensor.shape.map((_, axis) => axis)
  const pairs = { batch: { left: [], right: [] }, contract: { left: [], right: [] } } as Record<
    'batch' | 'contract',
    { left: Array<number>; right: Array<number> }
  >
  a.tensor.shape.forEach((d, l) => {
    const r = free.find((axis) => b.tensor.shape[axis] === d)
    const role = choose.of(['contract', 'batch', 'none'] as const)
    if (r === undefined || role === 'none') return
    free.splice(free.indexOf(r), 1)
    pairs[role].left.push(l)
    pairs[role].right.push(r)
  })
  const rank = a.tensor.shape.length + b.tensor.shape.length
  if (rank - 2 * pairs.contract.left.length - pairs.batch.left.length > 6) return undefined
  const tensor = T.dotNode(pairs.batch, pairs.contract, a.tensor, b.tensor)
  if (tensor.dtype !== 'f32') return known(tensor)
  const k = sizeOf(pairs.contract.left.map((axis) => a.tensor.shape[axis]))
  const [bound, error] = [a.bound * b.bound, a.error * b.bound + b.error * (a.bound + a.error)]
  return known(tensor, k * bound, k * error + (k + 1) * eps * k * bound)
}

/** Indices into `n` rows, a few of them outside. */
const indices = (choose: Choices, pool: ReadonlyArray<Known>, n: number): Tensor | undefined => {
  const x = some(choose, pool, (y) => y.tensor.dtype === 'i32' && y.tensor.shape.length < 3)
  return x && T.binaryNode('rem', x.tensor, filled(n + 1, x.tensor.shape, 'i32'))
}

const gather: Recipe = (choose, pool) => {
  const x = some(choose, pool, (y) => y.tensor.shape.length > 0 && y.tensor.shape.length < 4)
  if (x === undefined) return undefined
  const axis = choose.below(x.tensor.shape.length)
  const index = indices(choose, pool, x.tensor.shape[axis])
  return index && moved((t) => T.gatherNode(axis, t, index), x)
}

const scatterAdd: Recipe = (choose, pool) => {
  const x = some(choose, pool, (y) => isOf('f32', 'i32', 'u32')(y) && y.tensor.shape.length < 4)
  if (x === undefined) return undefined
  const n = choose.below(5)
  const index = indices(choose, pool, n)
  if (index === undefined) return undefined
  const axis = choose.below(x.tensor.shape.length + 1)
  const table = [...x.tensor.shape.slice(0, axis), n, ...x.tensor.shape.slice(axis)]
  const shape = [...table.slice(0, axis), ...index.shape, ...table.slice(axis + 1)]
  // As many updates as indices: one copy of x for each.
  const lead = [...x.tensor.shape.slice(0, axis), ...index.shape.map(() => 1), ...x.tensor.shape.slice(axis)]
  const updates = T.broadcastNode(shape, T.reshapeNode(lead, x.tensor))
  const count = Math.max(1, sizeOf(index.shape))
  return known(
    T.scatterAddNode(axis, table, index, updates),
    count * x.bound,
    x.tensor.dtype === 'f32' ? count * x.error + count * eps * count * x.bound : 0
  )
}

const randomBits: Recipe = (choose, pool) => {
  const words = some(choose, pool, (x) => x.tensor.dtype === 'u32' && sizeOf(x.tensor.shape) > 0)
  if (words === undefined) return undefined
  const key = T.broadcastNode(
    [2],
    T.reshapeNode([1], T.sliceNode([0], [1], [1], T.reshapeNode([sizeOf(words.tensor.shape)], words.tensor)))
  )
  const counter = T.iotaNode([2], 0, 'u32')
  return known(T.randomBitsNode([choose.below(4), choose.below(5)], key, choose.below(2) === 0 ? counter : key))
}

const iota: Recipe = (choose) => {
  const shape = Array.from({ length: 1 + choose.below(3) }, () => choose.below(5))
  return known(T.iotaNode(shape, choose.below(shape.length), choose.of(['f32', 'i32', 'u32'] as const)), 4)
}

const constant: Recipe = (choose) => {
  const dtype = choose.of<DType>(['f32', 'i32', 'u32', 'bool'])
  return dtype === 'f32'
    ? known(T.constantNode(choose.of([0.1, -3, 0.5]), dtype), 3, eps)
    : known(T.constantNode(choose.below(2), dtype))
}

const barrier: Recipe = (choose, pool) => {
  const after = choose.of(pool)
  return moved((t) => T.barrierNode(t, after.tensor), choose.of(pool))
}

const recipes: ReadonlyArray<Recipe> = [
  unary, binary, binary, compare, select, cast, reduce, reduce, reshape, reshape, permute, broadcast, slice, pad, concat,
  dot, gather, scatterAdd, randomBits, iota, constant, barrier
] // prettier-ignore

const grow = (inputs: ReadonlyArray<Known>, steps: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<Known> => {
  const pool = [...inputs]
  for (const numbers of steps) {
    const choose = choicesFrom(numbers)
    const made = choose.of(recipes)(choose, pool)
    if (made !== undefined && isCalm(made)) pool.push(made)
    // Movement of what is no longer calm would be thrown away too: infinities from empty maxima stay.
    else if (made !== undefined && made.error === 0 && sizeOf(made.tensor.shape) <= largestSize) pool.push(made)
  }
  return pool
}

const arrayFor = (dtype: DType, values: ReadonlyArray<number>): Data => {
  switch (dtype) {
    case 'f32':
      // Quarters: exact in f32, and well apart.
      return Float32Array.from(values, (v) => (v % 17) / 4 - 2)
    case 'i32':
      return Int32Array.from(values, (v) => (v % 7 === 0 ? v * 65537 : v % 9) - 4)
    case 'u32':
      return Uint32Array.from(values, (v) => (v % 7 === 0 ? v * 65537 : v % 9))
    case 'bool':
      return Uint8Array.from(values, (v) => v % 2)
  }
}

const number = fc.nat({ max: 65535 })

const input = fc.record({
  dtype: fc.constantFrom<DType>('f32', 'f32', 'i32', 'u32', 'bool'),
  shape: fc.array(fc.constantFrom(1, 1, 2, 2, 3, 3, 4, 6, 9, 0), { maxLength: 4 }),
  numbers: fc.array(number, { minLength: 32, maxLength: 32 })
})

/** Graphs of up to `size` operations, with the arrays to feed their inputs. */
export const graphs = (size = 24): fc.Arbitrary<Graph> =>
  fc
    .record({
      inputs: fc.array(input, { minLength: 1, maxLength: 4 }),
      steps: fc.array(fc.array(number, { minLength: 12, maxLength: 12 }), {
        minLength: 1,
        maxLength: size,
        size: 'max'
      }),
      outputs: fc.array(number, { minLength: 1, maxLength: 4 })
    })
    .map(({ inputs, steps, outputs }) => {
      const nodes = inputs.map(({ shape, dtype }, i) => T.inputNode(`x${i}`, shape, dtype))
      const data = inputs.map(({ dtype, shape, numbers }) =>
        arrayFor(
          dtype,
          Array.from({ length: sizeOf(shape) }, (_, i) => numbers[i % numbers.length] + 31 * i)
        )
      )
      const pool = grow(
        nodes.map((node) => known(node, 2)),
        steps
      )
      return {
        inputs: nodes,
        data,
        // The last value made, and any others.
        outputs: [pool[pool.length - 1], ...outputs.map((n) => pool[n % pool.length])]
      }
    })
