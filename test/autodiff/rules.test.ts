/**
 * Every primitive's derivative, first and second order, against central differences in float64; and where derivatives
 * are a matter of choice, which one was chosen.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/index.js'
import {
  abs,
  gt,
  log,
  max,
  maximum,
  minimum,
  pow,
  sqrt,
  sum,
  tensor,
  where,
  type Tensor
} from '../../src/tensor/index.js'
import type { GradientProperty } from './gradient-property.js'
import { numbersOf } from './numbers-of.js'
import { binaryProperties, operationProperties, unaryProperties } from './primitives.js'

const holds = (name: string, properties: ReadonlyArray<GradientProperty>): void =>
  it(`${name} has the first and second derivatives that finite differences say it has`, () =>
    properties.forEach((property) => property(2)))

describe('of element-wise functions,', () => {
  for (const [name, property] of Object.entries({ ...unaryProperties, ...binaryProperties }))
    if (property !== 'integers and booleans only') holds(name, [property])
})

describe('of operations,', () => {
  for (const [name, properties] of Object.entries(operationProperties))
    if (properties !== 'each function has its own row') holds(name, properties)
})

const slope = (f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) => grad((x: Tensor) => pipe(f(x), sum()))

describe('pow', () => {
  const cube = slope(pow(tensor([3, 3, 3])))

  it('differentiates negative bases, and zero to positive powers', () => {
    expect(numbersOf(cube(tensor([-2, 0, 2])))).toEqual([12, 0, 12])
    expect(numbersOf(slope(cube)(tensor([-2, 0, 2])))).toEqual([-12, 0, 12])
    expect(numbersOf(slope(slope(cube))(tensor([-2, 0, 2])))).toEqual([6, 6, 6])
  })

  it('gives the same for an exponent that is a constant of the program', () => {
    expect(numbersOf(slope(pow(3))(tensor([-2, 0, 2])))).toEqual([12, 0, 12])
    expect(numbersOf(slope(slope(slope(slope(pow(3)))))(tensor([-2, 0, 2])))).toEqual([0, 0, 0])
  })

  it('is flat in the base where the exponent is 0, at 0 too', () => {
    expect(numbersOf(slope(pow(tensor([0, 0])))(tensor([0, 2])))).toEqual([0, 0])
    expect(numbersOf(slope(pow(0))(tensor([0, 2])))).toEqual([0, 0])
  })

  it('has the mixed derivative 1 / a at the exponent 0', () => {
    const mixed = slope((b) => slope(pow(b))(tensor([2, 4])))
    expect(numbersOf(mixed(tensor([0, 0])))).toEqual([0.5, 0.25])
  })

  it('in the exponent is 0 at base 0, the limit, and NaN at negative bases, where there is no derivative', () => {
    const inExponent = slope((b) => pow(b)(tensor([0, -2, 1])))
    expect(numbersOf(inExponent(tensor([2, 2, 2])))).toEqual([0, NaN, 0])
  })
})

describe('at a kink', () => {
  it('equal sides of maximum and minimum get one half each', () => {
    for (const f of [maximum, minimum]) {
      expect(numbersOf(slope(f(tensor([1, 1])))(tensor([1, 1])))).toEqual([0.5, 0.5])
      expect(numbersOf(slope((b) => f(b)(tensor([1, 1])))(tensor([1, 1])))).toEqual([0.5, 0.5])
    }
  })

  it('abs has the slope 0', () => {
    expect(numbersOf(slope(abs)(tensor([-1, 0, 1])))).toEqual([-1, 0, 1])
  })

  it('the elements that attain a maximum share its cotangent equally', () => {
    expect(numbersOf(slope(max())(tensor([1, 3, 3, 3])))).toEqual([0, 1 / 3, 1 / 3, 1 / 3])
    expect(
      numbersOf(
        slope(max({ axes: 1 }))(
          tensor([
            [5, 5],
            [1, 2]
          ])
        )
      )
    ).toEqual([
      [0.5, 0.5],
      [0, 1]
    ])
  })
})

describe('the branch that select does not take', () => {
  const positive = (x: Tensor): Tensor => gt(0)(x)

  it('gives no gradient where its own derivative is finite', () => {
    const f = (x: Tensor): Tensor => pipe(x, sqrt, where(positive(x), 0))
    expect(numbersOf(slope(f)(tensor([4])))).toEqual([0.25])
  })

  it('gives NaN where its derivative is infinite, unless its argument is guarded as well', () => {
    const leaks = (x: Tensor): Tensor => pipe(x, log, where(positive(x), 0))
    const guarded = (x: Tensor): Tensor => pipe(x, where(positive(x), 1), log, where(positive(x), 0))
    expect(numbersOf(slope(leaks)(tensor([0, 2])))).toEqual([NaN, 0.5])
    expect(numbersOf(slope(guarded)(tensor([0, 2])))).toEqual([0, 0.5])
    expect(numbersOf(slope(slope(guarded))(tensor([0, 2])))).toEqual([0, -0.25])
  })
})
