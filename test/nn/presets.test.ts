import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AdamState } from '../../src/nn/adam.js'
import { applyUpdates, type Optimizer } from '../../src/nn/optimizer.js'
import { adamW, electraAdamW, electraFineTuning, sgd } from '../../src/nn/presets.js'
import { constantRate, linearDecayWithWarmup, type Schedule } from '../../src/nn/schedule.js'
import { scalar, type Tensor } from '../../src/tensor/index.js'
import { tensorsOf } from '../../src/tensor/tree.js'
import { computed, distance, doubles, real, reals, values } from './double.js'

type Weights = { readonly weight: Tensor; readonly bias: Tensor }
type Numbers = { readonly weight: ReadonlyArray<number>; readonly bias: ReadonlyArray<number> }

const toTensors = ({ weight, bias }: Numbers): Weights => ({
  weight: doubles([weight.length], weight),
  bias: doubles([bias.length], bias)
})

/** Parameters after each step, each computed before the next, as a training loop does. */
const run = <S extends object>(
  optimizer: Optimizer<S>,
  start: Numbers,
  gradients: ReadonlyArray<Numbers>
): ReadonlyArray<ReadonlyArray<number>> => {
  const seen: Array<ReadonlyArray<number>> = []
  let [params, state] = [toTensors(start), optimizer.init(toTensors(start))]
  gradients.forEach((gradient, step) => {
    const [updates, next] = optimizer.update(toTensors(gradient), state, params, { step: scalar(step, 'i32') })
    params = computed(applyUpdates(params, updates))
    state = computed(next)
    seen.push([...values(params.weight), ...values(params.bias)])
  })
  return seen
}

const scalars = (xs: ReadonlyArray<number>): ReadonlyArray<Numbers> => xs.map((x) => ({ weight: [x], bias: [] }))

const warmed = linearDecayWithWarmup({ rate: 1e-3, total: 100, warmup: 10, power: 1 })

describe('electraFineTuning', () => {
  it('multiplies the published updates, the weight decay in them included', () => {
    const rate = 0.64
    // At the published u, whose decay is that of the published p.
    const [u1, u2] = [-1.55057049255, 1.70398204258 - 0.01 * 0.500153506479]
    const p1 = 0.5 - 9.9e-5 * rate * u1
    const expected = [0.5, p1, p1 - 1.96e-4 * rate * (u2 + 0.01 * p1)]
    const optimizer = electraFineTuning({ schedule: warmed, weightDecay: 0.01, rateOf: () => rate })
    const seen = run(optimizer, { weight: [0.5], bias: [] }, scalars([0.1, -0.2, 0.3]))
    seen.forEach(([p], t) => expect(Math.abs(p - expected[t])).toBeLessThan(1e-14))
  })

  it('gives each parameter the rate of its path', () => {
    const rateOf = (path: string) => (path === 'weight' ? 0.5 : 1)
    const start = { weight: [2], bias: [2] }
    const gradients = [0.1, -0.2].map((g) => ({ weight: [g], bias: [g] }))
    const options = { schedule: constantRate(1e-3), weightDecay: 0 }
    const [[weight, bias]] = run(electraFineTuning({ ...options, rateOf }), start, gradients)
    expect(Math.abs((2 - weight) / (2 - bias) - 0.5)).toBeLessThan(1e-12)
  })
})

describe('electraAdamW', () => {
  it.each([
    [0.01, [0.5, 0.500153506479, 0.499819525998]],
    [0, [0.5, 0.500154001479, 0.499821001299]]
  ])('with decay %f follows the published trajectory', (weightDecay, expected) => {
    const seen = run(
      electraAdamW({ schedule: warmed, weightDecay }),
      { weight: [0.5], bias: [] },
      scalars([0.1, -0.2, 0.3])
    )
    seen.forEach(([p], t) => expect(Math.abs(p - expected[t])).toBeLessThan(1e-12))
  })

  it('has the published moments', () => {
    const optimizer = electraAdamW({ schedule: warmed, weightDecay: 0.01 })
    const params = { weight: doubles([], [0.5]) }
    let state: AdamState = optimizer.init(params)
    const moments = [0.1, -0.2, 0.3].map((g, t) => {
      state = optimizer.update({ weight: doubles([], [g]) }, state, params, { step: scalar(t) })[1]
      return tensorsOf(state).flatMap(values)
    })
    const expected = [
      [0.01, 1e-5],
      [-0.011, 4.999e-5],
      [0.0201, 1.3994001e-4]
    ]
    moments.forEach((m, t) => expect(distance(m, expected[t])).toBeLessThan(1e-15))
  })

  it('does not move anything at step 0 of a warm-up, whatever the gradient', () => {
    fc.assert(
      fc.property(reals(3), reals(2), (weight, bias) => {
        const start = { weight: [1, 2, 3], bias: [4, 5] }
        expect(run(electraAdamW({ schedule: warmed, weightDecay: 0.01 }), start, [{ weight, bias }])[0]).toEqual([
          1, 2, 3, 4, 5
        ])
      })
    )
  })

  it('sees no difference between a gradient beyond norm 1 and its direction', () => {
    const schedule = constantRate(0.1)
    const one = run(electraAdamW({ schedule, weightDecay: 0 }), { weight: [0, 0], bias: [] }, [
      { weight: [0.6, 0.8], bias: [] }
    ])
    const ten = run(electraAdamW({ schedule, weightDecay: 0 }), { weight: [0, 0], bias: [] }, [
      { weight: [6, 8], bias: [] }
    ])
    expect(distance(ten[0], one[0])).toBeLessThan(1e-14)
  })
})

/**
 * `torch.optim.AdamW` on plain numbers, in the order of operations that PyTorch documents: decay first, then the step
 * `lr / (1 - b1^t)` over `sqrt(v) / sqrt(1 - b2^t) + eps`.
 */
const torchAdamW = (
  { rate, b1, b2, eps, decay }: { rate: number; b1: number; b2: number; eps: number; decay: number },
  start: ReadonlyArray<number>,
  gradients: ReadonlyArray<ReadonlyArray<number>>
): ReadonlyArray<ReadonlyArray<number>> => {
  const [p, m, v] = [[...start], start.map(() => 0), start.map(() => 0)]
  return gradients.map((gradient, step) => {
    const t = step + 1
    gradient.forEach((g, i) => {
      p[i] *= 1 - rate * decay
      m[i] = b1 * m[i] + (1 - b1) * g
      v[i] = b2 * v[i] + (1 - b2) * g * g
      p[i] -= ((rate / (1 - b1 ** t)) * m[i]) / (Math.sqrt(v[i]) / Math.sqrt(1 - b2 ** t) + eps)
    })
    return [...p]
  })
}

describe('adamW', () => {
  it("is PyTorch's", () => {
    const cases = fc.record({
      rate: real(1, 30),
      b1: fc.constantFrom(0, 0.5, 0.9),
      b2: fc.constantFrom(0.9, 0.99, 0.999),
      eps: fc.constantFrom(1e-3, 1e-6, 1e-8),
      decay: fc.constantFrom(0, 0.01, 0.1),
      start: reals(3),
      gradients: fc.array(reals(3), { minLength: 1, maxLength: 6 })
    })
    fc.assert(
      fc.property(cases, ({ rate, decay, start, gradients, ...moments }) => {
        const schedule: Schedule = constantRate(rate)
        const optimizer = adamW({ schedule, weightDecay: decay, ...moments })
        const split = (xs: ReadonlyArray<number>): Numbers => ({ weight: xs.slice(0, 2), bias: xs.slice(2) })
        const found = run(optimizer, split(start), gradients.map(split))
        const expected = torchAdamW({ rate, decay, ...moments }, start, gradients)
        // Where the root of v is 0 or some 1e-2, 1e-16 over eps does not matter; 1 - b2^t cancels three digits at t = 1.
        found.forEach((p, t) => expect(distance(p, expected[t])).toBeLessThan(1e-11))
      })
    )
  })

  it('first moves by the whole rate, against the sign of the gradient', () => {
    const optimizer = adamW({ schedule: constantRate(0.1), weightDecay: 0, b1: 0.9, b2: 0.999, eps: 1e-8 })
    const [first] = run(optimizer, { weight: [0, 0], bias: [0] }, [{ weight: [3, -0.2], bias: [0] }])
    expect(distance(first, [-0.1, 0.1, 0])).toBeLessThan(1e-7)
  })

  it('decays what the mask says', () => {
    const isDecayedAt = (path: string): boolean => path === 'weight'
    const optimizer = adamW({
      schedule: constantRate(0.5),
      weightDecay: 0.1,
      b1: 0.9,
      b2: 0.999,
      eps: 1e-8,
      isDecayedAt
    })
    expect(run(optimizer, { weight: [1, 2], bias: [4] }, [{ weight: [0, 0], bias: [0] }])).toEqual([[0.95, 1.9, 4]])
  })
})

describe('sgd', () => {
  it('goes down the gradient by the rate', () => {
    const seen = run(sgd(constantRate(0.5)), { weight: [1, 2], bias: [3] }, [{ weight: [1, -1], bias: [4] }])
    expect(seen).toEqual([[0.5, 2.5, 1]])
  })
})
