import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { groupKernels, shareOfLimit, totalOf, type Cost } from '../../../src/electra/profile/cost.js'
import { fuse } from '../../../src/tensor/program/fuse.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { programOf } from '../../tensor/program/agreement.js'
import { graphs } from '../../tensor/program/graphs.js'

/** Programs, with a time of each kernel: in whole milliseconds, so that sums are exact in any order. */
const profiled = graphs(40).chain((graph) => {
  const program = fuse(schedule(programOf(graph), wasmLimits), wasmLimits)
  const n = program.kernels.length
  return fc.record({
    program: fc.constant(program),
    seconds: fc.array(fc.nat({ max: 1000 }), { minLength: n, maxLength: n })
  })
})

const positive = fc.integer({ min: 1, max: 1_000_000 })
const costs: fc.Arbitrary<Cost> = fc.record({ kernels: positive, flops: positive, bytes: positive, seconds: positive })
const limits = fc.record({ flopsPerSecond: positive, bytesPerSecond: positive, n: fc.constant(512) })

describe('groups of kernels', () => {
  it('add up to all kernels, each alone, whichever are together', () => {
    fc.assert(
      fc.property(profiled, ({ program, seconds }) => {
        const alone = program.kernels.flatMap((kernel, k) =>
          groupKernels({ ...program, kernels: [kernel] }, wasmLimits, [seconds[k]])
        )
        const groups = groupKernels(program, wasmLimits, seconds)
        expect(totalOf(groups)).toEqual(totalOf(alone))
        for (const { what, kernels, flops, bytes, seconds } of groups) {
          const members = alone.filter(
            (one) => one.what === what && one.flops * kernels === flops && one.bytes * kernels === bytes
          )
          expect(members).toHaveLength(kernels)
          expect(totalOf(members).seconds).toBe(seconds)
        }
      })
    )
  })

  it('are told apart, and come in the order of their times', () => {
    fc.assert(
      fc.property(profiled, ({ program, seconds }) => {
        const groups = groupKernels(program, wasmLimits, seconds)
        expect(
          new Set(groups.map(({ what, kernels: n, flops, bytes }) => `${what} ${flops / n} ${bytes / n}`)).size
        ).toBe(groups.length)
        const times = groups.map((group) => group.seconds)
        expect(times).toEqual([...times].sort((a, b) => b - a))
      })
    )
  })

  it('have shares of the time that add up to 1', () => {
    fc.assert(
      fc.property(profiled, ({ program, seconds }) => {
        fc.pre(seconds.some((s) => s > 0))
        const groups = groupKernels(program, wasmLimits, seconds)
        const { seconds: all } = totalOf(groups)
        const sum = groups.reduce((total, group) => total + group.seconds / all, 0)
        // A rounding of each share and each addition, of numbers that are at most 1.
        expect(Math.abs(sum - 1)).toBeLessThanOrEqual(2 * groups.length * Number.EPSILON)
      })
    )
  })
})

describe('the share of the limit', () => {
  it('is 1 where the arithmetic or the traffic takes exactly the time that the machine needs, and the other no longer', () => {
    expect(
      shareOfLimit({ flopsPerSecond: 10, bytesPerSecond: 5, n: 1 }, { kernels: 1, flops: 20, bytes: 5, seconds: 2 })
    ).toBe(1)
    expect(
      shareOfLimit({ flopsPerSecond: 10, bytesPerSecond: 5, n: 1 }, { kernels: 1, flops: 5, bytes: 10, seconds: 2 })
    ).toBe(1)
  })

  it('of kernels together is no larger than that of the best of them', () => {
    fc.assert(
      fc.property(limits, fc.array(costs, { minLength: 1, maxLength: 5 }), (most, all) => {
        const best = Math.max(...all.map((cost) => shareOfLimit(most, cost)))
        // Sums are exact; two divisions round on either side.
        expect(shareOfLimit(most, totalOf(all))).toBeLessThanOrEqual(best * (1 + 2 * Number.EPSILON))
      })
    )
  })
})
