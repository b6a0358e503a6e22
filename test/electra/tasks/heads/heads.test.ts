/** What holds of every head of a task. */

import { describe, expect, it } from 'vitest'
import * as E from 'fp-ts/lib/Either.js'
import { gradientCheck, showGradientError, valueAndGrad } from '../../../../src/autodiff/index.js'
import { add, cast, neg, random, scalar, slice, tensor, type Tensor } from '../../../../src/tensor/index.js'
import { mapTensors, tensorEntries } from '../../../../src/tensor/tree.js'
import { distance, numberOf, numbersByPath, numbersOf } from '../../objective/cases.js'
import { cases, golden } from './cases.js'

const one = scalar(1)
/** 1 at every padding position of the batch. */
const padding = add(1)(neg(golden('inputs.mask')))
/** 1 in the row of weight 0. */
const lastRow = tensor([0, 0, 1], { dtype: 'i32' })

describe.each(cases)('the head $name', ({ name, params, batch, lossOf, predict, grads, loss }) => {
  it('has the loss and the gradients that PyTorch has in float64', () => {
    const { value, grads: computed } = valueAndGrad((at: typeof params) => lossOf(at, batch, one).loss)(params)
    const found = numbersByPath({ value, computed })
    expect(distance(found.get('value') ?? [], numbersOf(loss))).toBeLessThan(1e-9)
    expect(grads.size).toBeGreaterThan(3)
    for (const [path, expected] of grads)
      expect([path, distance(found.get(`computed.${path}`) ?? [], numbersOf(expected)) < 1e-9]).toEqual([path, true])
  })

  it('has the gradient that finite differences say', () => {
    const head = Object.fromEntries(Object.entries(params).filter(([key]) => key !== 'electra'))
    const { electra } = params as { readonly electra: Parameters<typeof lossOf>[0] }
    const report = gradientCheck(
      (at: object) => lossOf({ electra, ...at }, batch, one).loss,
      { ...head },
      { elements: 8, tolerance: 1e-6 }
    )
    expect(E.isLeft(report) ? showGradientError(report.left) : 'right').toBe('right')
  })

  it('loses the sum over shards of what each shard loses, each divided by the denominator of the batch', () => {
    const denominator = scalar(1.75)
    const rows = (from: number, to: number) =>
      mapTensors((x: Tensor) => slice([[from, to]])(x), batch) as unknown as typeof batch
    const parts = [rows(0, 1), rows(1, 3)].map((part) => lossOf(params, part, denominator).loss)
    const whole = numberOf(lossOf(params, batch, denominator).loss)
    expect(Math.abs(numberOf(add(parts[0])(parts[1])) - whole)).toBeLessThan(1e-12 * Math.max(1, whole))
    expect(Math.abs(whole - numbersOf(loss)[0] / 1.75)).toBeLessThan(1e-9)
  })

  it('does not see what a row of weight 0 should give, nor what padding holds', () => {
    const changed = {
      ...batch,
      ids: add(padding)(batch.ids),
      ...(name.startsWith('spans')
        ? { starts: add(lastRow)(batch.starts), impossible: add(cast('f32')(lastRow))(batch.impossible) }
        : {})
    }
    const whole = numberOf(lossOf(params, batch, one).loss)
    expect(Math.abs(numberOf(lossOf(params, changed, one).loss) - whole)).toBeLessThan(1e-12 * Math.max(1, whole))
  })

  it('drops something with a key, and nothing without', () => {
    const at = (seed?: number) =>
      numberOf(lossOf(params, batch, one, seed === undefined ? undefined : random.key(seed)).loss)
    expect(at()).toBe(at())
    expect(at(1)).toBe(at(1))
    expect(at(1)).not.toBe(at(2))
    expect(at(1)).not.toBe(at())
  })

  it('predicts without targets, finite numbers', () => {
    for (const [path, x] of tensorEntries(predict(params)))
      expect([path, numbersOf(x).every(Number.isFinite)]).toEqual([path, true])
  })
})
