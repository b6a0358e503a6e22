/** One update of a state of two parameters. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dynamicLossScaling } from '../../../src/nn/index.js'
import { scalar, tensor, type Tensor } from '../../../src/tensor/index.js'
import { tensorEntries } from '../../../src/tensor/tree.js'
import type { TrainingState } from '../../../src/electra/training/problem.js'
import { optimizerOf, scheduleOf, updateWith } from '../../../src/electra/training/update.js'
import { singleValues } from '../../nn/double.js'
import { nano } from './runs.js'

const { optimizer } = nano()

const update = updateWith(optimizerOf(optimizer, scheduleOf(optimizer, 100)))

const vector = (...values: ReadonlyArray<number>): Tensor =>
  tensor(Float32Array.from(values), { shape: [values.length] })

const state: TrainingState = {
  optimizer: { mu: { w: vector(0.125, 0.25) }, nu: { w: vector(0.5, 0.75) } },
  params: { w: vector(1, -2) }
}

const scaledBy = (scale: number, finiteSteps = 7): TrainingState => ({
  ...state,
  optimizer: { ...state.optimizer, lossScale: { finiteSteps: scalar(finiteSteps), scale: scalar(scale) } }
})

const numbersOf = (tree: unknown): Readonly<Record<string, ReadonlyArray<number>>> =>
  Object.fromEntries(tensorEntries(tree).map(([path, x]) => [path, singleValues(x)]))

const updated = (from: TrainingState, gradient: ReadonlyArray<number>) => {
  const [next, report] = update(from, { w: vector(...gradient) }, scalar(50, 'i32'))
  return { next: numbersOf(next), report: numbersOf(report) }
}

const scales = fc.integer({ min: 0, max: 24 }).map((n) => 2 ** n)

const gradients = fc.tuple(...[0, 1].map(() => fc.integer({ min: -4096, max: 4096 }).map((n) => n / 512)))

describe('the update of a state with a loss scale', () => {
  it('is that of a state without one, from the gradient of the loss alone', () => {
    fc.assert(
      fc.property(gradients, scales, (gradient, scale) => {
        const found = updated(
          scaledBy(scale),
          gradient.map((x) => x * scale)
        )
        const expected = updated(state, gradient)
        expect(found.next).toEqual({
          ...expected.next,
          'optimizer.lossScale.finiteSteps': [8],
          'optimizer.lossScale.scale': [scale]
        })
        expect(found.report).toEqual({ ...expected.report, lossScale: [scale] })
      })
    )
  })

  it('is none where the norm is not finite, for whatever reason, and the next scale is smaller', () => {
    // The squares of the last are beyond float32.
    const excessive = fc.constantFrom(NaN, Infinity, -Infinity, 2 ** 126)
    fc.assert(
      fc.property(excessive, fc.boolean(), scales, (x, isFirst, scale) => {
        const { next, report } = updated(scaledBy(scale), isFirst ? [x, 1] : [1, x])
        expect(next).toEqual({
          ...numbersOf(state),
          'optimizer.lossScale.finiteSteps': [0],
          'optimizer.lossScale.scale': [Math.max(1, scale / 2)]
        })
        expect(report.gradientNorm.every(Number.isFinite)).toBe(false)
        expect(report.lossScale).toEqual([scale])
      })
    )
  })

  it('doubles the scale when it is due, as where nothing is said of how', () => {
    const { next } = updated(scaledBy(4, dynamicLossScaling.growthInterval - 1), [1, 2])
    expect(next['optimizer.lossScale.scale']).toEqual([8])
    expect(next['optimizer.lossScale.finiteSteps']).toEqual([0])
  })
})
