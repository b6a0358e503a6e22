/**
 * The parts of optimizers as functions of tensors: first and second derivatives, away from their kinks.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { describe, it } from 'vitest'
import {
  addDecayedWeights,
  clipByGlobalNorm,
  constantRate,
  descend,
  globalNorm,
  linearDecayWithWarmup,
  scaleByPath,
  type Optimizer,
  type Params
} from '../../src/nn/index.js'
import { add, tensor, type Tensor } from '../../src/tensor/index.js'
import { assertGradients, tensorOf } from '../../src/testing/index.js'

const step = tensor(3, { dtype: 'i32' })

/** What a part makes of the updates, which are also the parameters. */
const through =
  <S extends object>(part: Optimizer<S>) =>
  (x: Tensor): Params =>
    part.update(x, part.init(x), x, { step })[0]

/** Vectors of norm between 2 and 8: clipped at 1, and untouched at 10. */
const vectors = tensorOf([4], { min: 1, max: 4 })

describe('derivatives, first and second, of', () => {
  it('the global norm', () => {
    assertGradients(globalNorm, vectors, { order: 2 })
  })

  it('clipping, where it clips and where it does not', () => {
    assertGradients(through(clipByGlobalNorm(1)), vectors, { order: 2 })
    assertGradients(through(clipByGlobalNorm(10)), vectors, { order: 2 })
  })

  it('weight decay, multipliers by path, and the step downhill', () => {
    assertGradients(through(addDecayedWeights(0.3)), vectors, { order: 2 })
    assertGradients(through(scaleByPath(() => 0.5)), vectors, { order: 2 })
    assertGradients(through(descend(constantRate(0.1))), vectors, { order: 2 })
  })

  it('a schedule, within its warm-up and after it', () => {
    const schedule = linearDecayWithWarmup({ rate: 2, total: 20, warmup: 5, power: 2 })
    const at = tensorOf([], { min: 1, max: 4 })
    assertGradients(schedule.inGraph, at, { order: 2 })
    assertGradients((t: Tensor) => pipe(t, add(8), schedule.inGraph), at, { order: 2 })
  })
})
