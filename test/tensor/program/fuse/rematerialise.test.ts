import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vjp } from '../../../../src/autodiff/index.js'
import { dropout } from '../../../../src/nn/index.js'
import { exp, matmul, softmax, tanh, type Tensor } from '../../../../src/tensor/index.js'
import { bytesOf } from '../../../../src/tensor/program/cost.js'
import type { DeviceLimits } from '../../../../src/tensor/program/device-limits.js'
import { fuse } from '../../../../src/tensor/program/fuse.js'
import { readsOfFused, writesOfFused, type FusedProgram } from '../../../../src/tensor/program/fused.js'
import { schedule } from '../../../../src/tensor/program/schedule.js'
import { key } from '../../../../src/tensor/random.js'
import { spec, trace } from '../../../../src/tensor/program/trace.js'
import { wasmLimits } from '../../../../src/tensor/run/wasm/limits.js'
import { expectAgreement, loopsOf, programOf, right } from '../agreement.js'
import { graphs } from '../graphs.js'
import { productGraphs } from '../gpu/product-graphs.js'

/** So few bytes are worth a thought that small cases have them. */
const eager: DeviceLimits = { ...wasmLimits, shortestRow: 2, largeSize: 4, sharedBytes: 4, panels: undefined }

const limitsWith = (rematerialises: boolean, kernelBuffers: number): DeviceLimits => ({
  ...eager,
  rematerialises,
  kernelBuffers,
  joinedBuffers: kernelBuffers
})

const movedBy = (program: FusedProgram): number =>
  program.kernels.reduce((sum, kernel) => sum + bytesOf(kernel, program, eager), 0)

const programs = fc.oneof(
  graphs(40).map(programOf),
  productGraphs.map(({ program }) => program)
)

const n = 64

/** The gradient of f by its first argument, stored and computed again: how many loops have exponentials, and the bytes that move. */
const gradientOf = (f: (x: Tensor, k: Tensor, v: Tensor) => Tensor) => {
  const both = (x: Tensor, k: Tensor, v: Tensor): ReadonlyArray<Tensor> => {
    const { value, pullback } = vjp(([y]: ReadonlyArray<Tensor>) => f(y, k, v))([x])
    return [value, ...pullback(value)]
  }
  const { program } = right(trace(both)(spec([n, n]), spec([n, n]), spec([n, n])))
  return [false, true].map((rematerialises) => {
    const limits = { ...wasmLimits, panels: undefined, drawsInLoops: true, rematerialises }
    const fused = fuse(schedule(program, limits), limits)
    const exps = loopsOf(fused).filter(({ body }) => body.some((step) => 'fn' in step && step.fn === 'exp')).length
    return { exps, bytes: movedBy(fused) }
  })
}

describe('what is computed again where it is read', () => {
  it.each([4, 8, 16])('is what the graph says, with %i buffers a kernel', (kernelBuffers) => {
    fc.assert(
      fc.property(graphs(40), (graph) => {
        const limits = limitsWith(true, kernelBuffers)
        const fused = fuse(schedule(programOf(graph), limits), limits)
        expectAgreement(graph, fused)
        fused.kernels.forEach((kernel) => {
          if (kernel._tag === 'loop')
            expect(new Set([...readsOfFused(kernel), ...writesOfFused(kernel)]).size).toBeLessThanOrEqual(kernelBuffers)
        })
      }),
      { numRuns: 60, endOnFailure: true }
    )
  })

  it('moves no more bytes than what is stored and loaded, and fewer somewhere', () => {
    let fewer = 0
    fc.assert(
      fc.property(programs, fc.constantFrom(4, 8, 16), (program, kernelBuffers) => {
        const [stored, again] = [false, true].map((rematerialises) => {
          const limits = limitsWith(rematerialises, kernelBuffers)
          return movedBy(fuse(schedule(program, limits), limits))
        })
        expect(again).toBeLessThanOrEqual(stored)
        if (again < stored) fewer++
      }),
      { numRuns: 150, endOnFailure: true }
    )
    expect(fewer).toBeGreaterThan(0)
  })

  it('is a softmax that was dropped out, from its scores, and the derivative of an activation', () => {
    const bytes = 4 * n * n
    const attend = (x: Tensor, k: Tensor, v: Tensor): Tensor =>
      pipe(x, matmul(k), softmax(-1), dropout({ rate: 0.1, key: key(1) }), matmul(v))
    const attention = gradientOf(attend)
    expect(attention.map(({ exps }) => exps)).toEqual([1, 2])
    // Written, and read; for scores that are read once more.
    expect(attention[0].bytes - attention[1].bytes).toBeGreaterThanOrEqual(bytes)
    const activated = gradientOf((x, k, v) => pipe(x, matmul(k), tanh, exp, matmul(v)))
    expect(activated.map(({ exps }) => exps)).toEqual([1, 2])
    expect(activated[0].bytes - activated[1].bytes).toBe(2 * bytes)
  })
})
