import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { dtypes, type Data, type DType } from '../../../src/tensor/dtype.js'
import { binaries, comparisons, unaries } from '../../../src/tensor/elementwise.js'
import type { Binary, Comparison, Unary } from '../../../src/tensor/elementwise.js'
import { ulps } from '../../../src/tensor/emit/wasm/math.js'
import { broadcastTo, slice } from '../../../src/tensor/ops/movement.js'
import { lower } from '../../../src/tensor/program/lower.js'
import { allocateOutputs } from '../../../src/tensor/run/arrays.js'
import type { Device } from '../../../src/tensor/run/device.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { castTo, comparison, floatBinary, floatUnary } from '../../../src/tensor/run/reference/scalar.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import {
  binaryNode,
  castNode,
  compareNode,
  constantNode,
  inputNode,
  selectNode,
  unaryNode,
  type Tensor
} from '../../../src/tensor/tensor.js'
import { fewSpecials, isRight, specials } from '../special-values.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const compute = (
  device: Device<'sync'>,
  inputs: ReadonlyArray<Tensor>,
  data: ReadonlyArray<Data>,
  outputs: ReadonlyArray<Tensor>
): ReadonlyArray<Data> => {
  const { program } = lower(
    outputs.map((tensor, i) => ({ name: String(i), tensor })),
    inputs
  )
  const out = allocateOutputs(program, device.floats)
  right(right(device.load(program)).run(data, out)())
  return out
}

/** How elements lie: side by side; in rows too short for a vector; or one, the same along a row. */
const layouts = ['vectors', 'tails', 'still'] as const

type Layout = (typeof layouts)[number]

/** Columns of the matrix whose first three are rows that no vector fits in. */
const padded = 4

/** What of an input is worked on. */
const operandIn = (layout: Layout, x: Tensor, count: number): Tensor => {
  switch (layout) {
    case 'vectors':
      return x
    case 'tails':
      return slice([null, [0, padded - 1]])(x)
    case 'still':
      return broadcastTo([count, 5])(x)
  }
}

const inputIn = (layout: Layout, name: string, count: number): Tensor =>
  inputNode(name, layout === 'vectors' ? [count] : layout === 'tails' ? [count, padded] : [count, 1], 'f32')

/** In the matrix every value stands in every column. */
const dataIn = (layout: Layout, values: ReadonlyArray<number>): Float32Array =>
  layout === 'tails'
    ? Float32Array.from(
        { length: padded * values.length },
        (_, i) => values[(Math.floor(i / padded) + (i % padded)) % values.length]
      )
    : Float32Array.from(values)

/** The value that element `i` of a result was computed from. */
const originIn = (layout: Layout, i: number, count: number): number => {
  switch (layout) {
    case 'vectors':
      return i
    case 'tails':
      return (Math.floor(i / (padded - 1)) + (i % (padded - 1))) % count
    case 'still':
      return Math.floor(i / 5)
  }
}

type Case = {
  readonly name: string
  readonly of: (...operands: ReadonlyArray<Tensor>) => Tensor
  readonly exact: (...operands: ReadonlyArray<number>) => number
  readonly ulps: number
}

/** That a device computes each case right at each tuple of operands: `columns` has the first of all, then the second. */
const expectRight = (
  device: Device<'sync'>,
  layout: Layout,
  cases: ReadonlyArray<Case>,
  columns: ReadonlyArray<ReadonlyArray<number>>
): void => {
  const count = columns[0].length
  const inputs = columns.map((_, i) => inputIn(layout, `x${i}`, count))
  const operands = inputs.map((x) => operandIn(layout, x, count))
  const found = compute(
    device,
    inputs,
    columns.map((column) => dataIn(layout, column)),
    cases.map(({ of }) => of(...operands))
  )
  const wrong = cases.flatMap(({ name, exact, ulps: bound }, c) =>
    [...found[c]].flatMap((y, i) => {
      const at = columns.map((column) => column[originIn(layout, i, count)])
      // Integers have one zero, and every f32 that becomes one is exact.
      const want = exact(...at)
      if (!(found[c] instanceof Float32Array) && y === want) return []
      return isRight(y, want, bound)
        ? []
        : [`${name}(${at.map(spelled).join(', ')}) is ${spelled(y)}, not ${spelled(Math.fround(want))}`]
    })
  )
  expect([...new Set(wrong)]).toEqual([])
}

const spelled = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))

const namesOf = <N extends string>(
  table: Readonly<Record<N, { readonly accepts: ReadonlyArray<DType> }>>
): ReadonlyArray<N> => (Object.keys(table) as Array<N>).filter((fn) => table[fn].accepts.includes('f32'))

type FloatBinary = keyof typeof floatBinary
type FloatUnary = keyof typeof floatUnary

const bound = (device: Device<'sync'>, fn: FloatUnary | FloatBinary): number =>
  device.name === 'reference' ? 0 : fn in ulps ? ulps[fn as keyof typeof ulps] : 0

const unaryCases = (device: Device<'sync'>): ReadonlyArray<Case> =>
  namesOf<Unary>(unaries).map((fn) => ({
    name: fn,
    of: (x) => unaryNode(fn, x),
    exact: floatUnary[fn as FloatUnary],
    ulps: bound(device, fn as FloatUnary)
  }))

const castCases: ReadonlyArray<Case> = dtypes
  .filter((to) => to !== 'f32')
  .map((to) => ({ name: `cast to ${to}`, of: (x) => castNode(to, x), exact: (x) => castTo(to, 'f32', x), ulps: 0 }))

const binaryCases = (device: Device<'sync'>): ReadonlyArray<Case> =>
  namesOf<Binary>(binaries).map((fn) => ({
    name: fn,
    of: (x, y) => binaryNode(fn, x, y),
    exact: floatBinary[fn as FloatBinary],
    ulps: bound(device, fn as FloatBinary)
  }))

const comparisonCases: ReadonlyArray<Case> = namesOf<Comparison>(comparisons).flatMap((fn): ReadonlyArray<Case> => [
  { name: fn, of: (x, y) => compareNode(fn, x, y), exact: (x, y) => (comparison[fn](x, y) ? 1 : 0), ulps: 0 },
  {
    name: `select by ${fn}`,
    of: (x, y) => selectNode(compareNode(fn, x, y), x, y),
    exact: (x, y) => (comparison[fn](x, y) ? x : y),
    ulps: 0
  }
])

const pairs = fewSpecials.flatMap((x) => fewSpecials.map((y) => [x, y] as const))

describe.each([reference({ floats: 'float32' }), wasm()])('$name, of special values', (device) => {
  describe.each(layouts)('in %s', (layout) => {
    it('computes functions of one operand', () => {
      expectRight(device, layout, [...unaryCases(device), ...castCases], [specials])
    })

    it('computes functions of two operands', () => {
      expectRight(
        device,
        layout,
        [...binaryCases(device), ...comparisonCases],
        [0, 1].map((side) => pairs.map((pair) => pair[side]))
      )
    })
  })

  it('computes functions of a constant, on either side', () => {
    const count = fewSpecials.length
    const cases = [...binaryCases(device), ...comparisonCases].flatMap(({ name, of, exact, ulps: most }) =>
      fewSpecials.flatMap((c): ReadonlyArray<Case> => {
        const constant = broadcastTo([count])(constantNode(c, 'f32'))
        return [
          {
            name: `${name} with ${spelled(c)} on the right`,
            of: (x) => of(x, constant),
            exact: (x) => exact(x, c),
            ulps: most
          },
          {
            name: `${name} with ${spelled(c)} on the left`,
            of: (x) => of(constant, x),
            exact: (x) => exact(c, x),
            ulps: most
          }
        ]
      })
    )
    expectRight(device, 'vectors', cases, [fewSpecials])
  })
})
