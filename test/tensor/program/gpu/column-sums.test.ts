import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { add, maximum, minimum, mul } from '../../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { reshape, transpose } from '../../../../src/tensor/ops/movement.js'
import { softmax, sum } from '../../../../src/tensor/ops/reduce.js'
import { fuse } from '../../../../src/tensor/program/fuse.js'
import { readsOfFused, writesOfFused, type FusedProgram } from '../../../../src/tensor/program/fused.js'
import { withSumsApart } from '../../../../src/tensor/program/gpu/column-sums.js'
import { withEpilogues } from '../../../../src/tensor/program/gpu/epilogues.js'
import { usesOf } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { lowerToGpu } from '../../../../src/tensor/program/gpu/lower.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import { schedule } from '../../../../src/tensor/program/schedule.js'
import { inputNode, type Tensor } from '../../../../src/tensor/tensor.js'
import { interpret } from '../interpret.js'
import { limitsWith } from './limits.js'

const [m, n] = [6, 4]
const [x, w, y, bias] = [
  ['x', [m, m]],
  ['w', [m, n]],
  ['y', [m, n]],
  ['bias', [n]]
].map(([name, shape]) => inputNode(name as string, shape as ReadonlyArray<number>, 'f32'))
const inputs = [x, w, y, bias]
const data = inputs.map(({ shape }, k) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7 + k * 3) % 5) - 2)
)

const bounded = (t: Tensor): Tensor => pipe(t, minimum(9), maximum(-9))

/** What may be made of a product, and of what is made of it: all of it integers. */
const maps: ReadonlyArray<(t: Tensor) => Tensor> = [
  (t) => pipe(t, add(bias)),
  (t) => bounded(pipe(t, mul(y))),
  (t) => pipe(t, add(y)),
  (t) => pipe(t, add(pipe(x, matmul(y)))),
  (t) => bounded(pipe(t, matmul(pipe(w, transpose, matmul(y)))))
]

const ends: ReadonlyArray<(t: Tensor) => Tensor> = [
  (t) => t,
  transpose,
  (t) => bounded(pipe(t, transpose, matmul(t))),
  (t) => pipe(t, transpose, mul(2)),
  (t) => pipe(t, reshape([2, 3, n]), sum({ axes: 1 })),
  sum({ axes: 0 }),
  sum({ axes: 1 }),
  sum({}),
  (t) => pipe(t, mul(t), sum({ axes: 0 }))
]

const cases = fc.record({
  made: fc.array(fc.nat(maps.length - 1), { minLength: 0, maxLength: 3 }),
  ended: fc.array(fc.nat(ends.length - 1), { minLength: 1, maxLength: 5 }),
  kernelBuffers: fc.constantFrom(5, 8, 16),
  takes: fc.boolean()
})

const programOf = (...outputs: ReadonlyArray<Tensor>) =>
  lower(
    outputs.map((tensor, i) => ({ name: String(i), tensor })),
    inputs
  ).program

const both = (program: ReturnType<typeof programOf>, kernelBuffers: number, takes: boolean) => {
  const limits = limitsWith(kernelBuffers, {})
  const { loops } = limits
  const whole = fuse(schedule(program, loops), loops)
  const fixed = whole.inputs + whole.outputs
  const kernels = withSumsApart(whole.kernels, whole.buffers, fixed, kernelBuffers, () => takes)
  const apart = { ...whole, kernels }
  /** How many maps are done where a product has its result, which then is written nowhere. */
  const joined = (fused: FusedProgram): number =>
    withEpilogues(
      lowerToGpu(fused, limits).kernels.map(({ kernel }) => kernel),
      (kernel) => {
        const { reads, writes } = usesOf(kernel)
        return new Set([...reads, ...writes]).size <= kernelBuffers
      },
      (buffer) => buffer < fixed,
      () => takes
    ).filter(({ kernel }) => kernel._tag === 'contraction' && kernel.epilogue?.keepsResult === false).length
  return { whole, apart, gained: joined(apart) - joined(whole) }
}

const order = ({ inputs: first, kernels }: FusedProgram): void => {
  const written = new Set(Array.from({ length: first }, (_, i) => i))
  kernels.forEach((kernel) => {
    readsOfFused(kernel).forEach((buffer) => expect(written.has(buffer)).toBe(true))
    writesOfFused(kernel).forEach((buffer) => written.add(buffer))
  })
}

describe('sums across rows of what is made of a product', () => {
  it('are the same, element for element, where they are loops of their own', () => {
    let cut = 0
    fc.assert(
      fc.property(cases, ({ made, ended, kernelBuffers, takes }) => {
        const value = made.reduce((t, i) => maps[i](t), pipe(x, matmul(w)))
        const { whole, apart, gained } = both(programOf(...ended.map((i) => ends[i](value))), kernelBuffers, takes)
        order(apart)
        expect(interpret(apart, data)).toEqual(interpret(whole, data))
        const more = apart.kernels.length - whole.kernels.length
        expect(gained).toBe(more)
        cut += more
        if (!takes) expect(apart.kernels).toEqual(whole.kernels)
      }),
      { numRuns: 200, endOnFailure: true }
    )
    expect(cut).toBeGreaterThan(10)
  })

  it('leave a map that begins with the result, and read nothing but what it has stored', () => {
    const value = pipe(x, matmul(w), add(bias))
    const { whole, apart } = both(programOf(value, sum({ axes: 0 })(value)), 8, true)
    expect(whole.kernels.map(({ _tag }) => _tag)).toEqual(['contraction', 'loop'])
    const [product, map, sums] = apart.kernels
    expect(readsOfFused(map)).toEqual([...writesOfFused(product), 3])
    expect([writesOfFused(map), readsOfFused(sums), writesOfFused(sums)]).toEqual([[4], [4], [5]])
  })

  it('stay where a row has folds, and where the result is wanted beside them', () => {
    const product = pipe(x, matmul(w))
    const rows = softmax(-1)(product)
    for (const outputs of [
      [rows, sum({ axes: 0 })(rows)],
      [product, pipe(product, add(bias)), sum({ axes: 0 })(pipe(product, add(bias)))]
    ]) {
      const { whole, apart } = both(programOf(...outputs), 8, true)
      expect(apart.kernels).toEqual(whole.kernels)
    }
  })
})
