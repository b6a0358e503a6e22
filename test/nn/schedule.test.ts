import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constantRate, descend, linearDecayWithWarmup, type Schedule } from '../../src/nn/schedule.js'
import { scalar, TensorFault } from '../../src/tensor/index.js'
import { distance, doubles, real, singleValues, values } from './double.js'

const inGraph = (schedule: Schedule, step: number): number => values(schedule.inGraph(scalar(step)))[0]

describe('linearDecayWithWarmup', () => {
  const pretraining = linearDecayWithWarmup({ rate: 5e-4, total: 1e6, warmup: 1e4, power: 1 })
  const finetuning = linearDecayWithWarmup({ rate: 1e-4, total: 1000, warmup: 100, power: 1 })

  it.each([
    ['pre-training', pretraining, 0, 0],
    ['pre-training', pretraining, 1, 4.999995e-8],
    ['pre-training', pretraining, 5000, 2.4875e-4],
    ['pre-training', pretraining, 10_000, 4.95e-4],
    ['pre-training', pretraining, 500_000, 2.5e-4],
    ['pre-training', pretraining, 1e6, 0],
    ['pre-training', pretraining, 2e6, 0],
    ['fine-tuning', finetuning, 50, 4.75e-5],
    ['fine-tuning', finetuning, 100, 9e-5]
  ])('of ELECTRA %s gives its published rates', (_, schedule, step, rate) => {
    expect(Math.abs(schedule.onHost(step) - rate)).toBeLessThan(1e-12 * 5e-4)
    expect(Math.abs(inGraph(schedule, step) - rate)).toBeLessThan(1e-12 * 5e-4)
  })

  const cases = fc.record({
    rate: real(1, 100),
    total: fc.integer({ min: 1, max: 2000 }),
    warmup: fc.integer({ min: 0, max: 500 }),
    power: fc.constantFrom(1, 2, 0.5),
    step: fc.integer({ min: 0, max: 2500 })
  })

  it('is rate (1 - min(t, T) / T)^q min(1, t / W), without the last factor where W = 0', () => {
    fc.assert(
      fc.property(cases, ({ step: t, ...options }) => {
        const { rate, total, warmup, power } = options
        const formula = rate * (1 - Math.min(t, total) / total) ** power * (warmup === 0 ? 1 : Math.min(1, t / warmup))
        // 1 - t / T cancels: its error of 1e-16 may be magnified by the root near the end of the schedule.
        expect(Math.abs(linearDecayWithWarmup(options).onHost(t) - formula)).toBeLessThan(1e-12)
      })
    )
  })

  it('is one function on the host and in the graph, for f32 and i32 steps', () => {
    fc.assert(
      fc.property(cases, ({ step, ...options }) => {
        const schedule = linearDecayWithWarmup(options)
        expect(distance([inGraph(schedule, step)], [schedule.onHost(step)])).toBeLessThan(1e-14)
        expect(values(schedule.inGraph(scalar(step, 'i32')))).toEqual([inGraph(schedule, step)])
      })
    )
  })

  it('keeps a relative precision of six float32 roundings to its very end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (left) => {
        const step = 1_000_000 - left
        const exact = pretraining.onHost(step)
        const single = singleValues(pretraining.inGraph(scalar(step)))[0]
        // Constants (2), two divisions and two products, each off by 2^-24 relative.
        expect(Math.abs(single - exact)).toBeLessThanOrEqual(6 * 2 ** -24 * exact)
      })
    )
  })

  it.each([
    { total: 0, warmup: 0 },
    { total: -1, warmup: 0 },
    { total: NaN, warmup: 0 },
    { total: 10, warmup: -1 }
  ])('refuses $total steps with a warm-up of $warmup', (lengths) => {
    expect(() => linearDecayWithWarmup({ rate: 1, power: 1, ...lengths })).toThrow(TensorFault)
  })
})

describe('constantRate', () => {
  it('is its rate at every step', () => {
    expect(inGraph(constantRate(0.25), 17)).toBe(0.25)
    expect(constantRate(0.25).onHost(17)).toBe(0.25)
  })
})

describe('descend', () => {
  it('turns a gradient into a step down it, as long as the rate of the step says', () => {
    const schedule = linearDecayWithWarmup({ rate: 1, total: 10, warmup: 0, power: 1 })
    const g = doubles([2], [3, -1])
    const [updates] = descend(schedule).update(g, {}, g, { step: scalar(5) })
    expect(values(updates)).toEqual([-1.5, 0.5])
  })
})
