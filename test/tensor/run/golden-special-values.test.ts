import { describe, expect, it } from 'vitest'
import { comparison, floatBinary, floatUnary, integerBinary } from '../../../src/tensor/run/reference/scalar.js'
import { argmax, argmin, logSumExp, max, mean, min, sum, variance } from '../../../src/tensor/ops/reduce.js'
import { tensor, zeros } from '../../../src/tensor/ops/create.js'
import { golden } from '../../fixtures/special-values.js'
import { run } from '../../plain.js'

const spelled = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))

/** Every result as it should be, bit for bit, where `isSettled`. */
const expectSame = (
  f: (...x: ReadonlyArray<number>) => number,
  columns: ReadonlyArray<ReadonlyArray<number>>,
  expected: ReadonlyArray<number>,
  isSettled: (...x: ReadonlyArray<number>) => boolean = () => true
): void => {
  const wrong = expected.flatMap((want, i) => {
    const at = columns.map((column) => column[i])
    const found = f(...at)
    return Object.is(found, want) || !isSettled(...at)
      ? []
      : [`of ${at.map(spelled).join(', ')} it is ${spelled(found)}, not ${spelled(want)}`]
  })
  expect(wrong).toEqual([])
}

const { x } = golden.binary
const pairs = [x.flatMap((a) => x.map(() => a)), x.flatMap(() => x)]

describe('what the reference has for special values is what NumPy and SciPy have', () => {
  it.each(Object.keys(floatUnary) as Array<keyof typeof floatUnary>)('%s', (fn) => {
    // The sign of -0 is -0 here, as in ECMAScript and XLA, and 0 in NumPy.
    expectSame(
      (v) => Math.fround(floatUnary[fn](v)),
      [golden.unary.x],
      golden.unary[fn],
      (v) => fn !== 'sign' || v !== 0
    )
  })

  it.each(Object.keys(floatBinary) as Array<keyof typeof floatBinary>)('%s', (fn) => {
    // Which zero is the larger NumPy leaves open.
    const isOpen = (a: number, b: number): boolean => (fn === 'max' || fn === 'min') && a === 0 && b === 0
    expectSame(
      (a, b) => Math.fround(floatBinary[fn](a, b)),
      pairs,
      golden.binary[fn],
      (a, b) => !isOpen(a, b)
    )
  })

  it.each(Object.keys(comparison) as Array<keyof typeof comparison>)('%s', (fn) => {
    expectSame((a, b) => (comparison[fn](a, b) ? 1 : 0), pairs, golden.comparison[fn])
  })

  it.each(['rem', 'max', 'min', 'mul'] as const)('%s of i32', (fn) => {
    const columns = [0, 1].map((side) => golden.integers.pairs.map((pair) => pair[side]))
    expectSame((a, b) => integerBinary[fn](a, b) | 0, columns, golden.integers[fn])
  })

  it.each(
    Object.entries({
      argmax: argmax(-1),
      argmin: argmin(-1),
      sum: sum({ axes: -1 }),
      max: max({ axes: -1 }),
      min: min({ axes: -1 }),
      mean: mean({ axes: -1 }),
      variance: variance({ axes: -1 })
    })
  )('%s of rows with NaN and infinities', (name, reduce) => {
    const { rows } = golden.reductions
    expect(rows.map((row) => run(reduce(tensor(row))).values[0])).toEqual(golden.reductions[name])
  })

  it('reductions of nothing', () => {
    const nothing = zeros([0])
    const found = Object.entries({ sum, mean, variance, logSumExp }).map(([name, reduce]) => [
      name,
      run(reduce()(nothing)).values[0]
    ])
    expect(Object.fromEntries(found)).toEqual(golden.reductions['of nothing'])
  })
})
