/**
 * Graphs far deeper than the call stack, and operations of very many operands.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { grad, stopGradient } from '../../../src/autodiff/index.js'
import {
  add,
  broadcastTo,
  concat,
  deserialise,
  evaluate,
  full,
  matmul,
  mul,
  pow,
  reference,
  reshape,
  serialise,
  spec,
  sum,
  tensor,
  toScalar,
  wasm,
  type Tensor
} from '../../../src/tensor/index.js'
import { fuse } from '../../../src/tensor/program/fuse.js'
import { plan } from '../../../src/tensor/program/plan.js'
import { printProgram } from '../../../src/tensor/program/print.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { trace } from '../../../src/tensor/program/trace.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { right } from './agreement.js'

/** More than Node's call stack has frames, of the smallest. */
const frames = 15_000

const depth = 100_000

const repeated = (n: number, f: (y: Tensor, i: number) => Tensor, x: Tensor): Tensor => {
  let y = x
  for (let i = 0; i < n; i++) y = f(y, i)
  return y
}

/** One number, seen through very many views, which do not undo one another pairwise. */
const viewed = (x: Tensor): Tensor =>
  reshape([3])(repeated(depth, (y, i) => (i % 2 === 0 ? broadcastTo([1, 1, 3])(y) : reshape([1, 3])(y)), x))

describe('a deep graph', () => {
  it('is traced, printed, serialised, scheduled, fused and planned', () => {
    const f = (x: Tensor): Tensor => repeated(depth, add(x), x)
    const { program } = right(trace(f)(spec([2])))
    expect(program.instructions).toHaveLength(depth)
    expect(printProgram(program).split('\n')).toHaveLength(depth + 2)
    expect(inspect(f(spec([2])))).toContain('unevaluated binary')
    expect(deserialise(serialise(program))).toMatchObject(E.right({ outputs: program.outputs }))
    const fused = fuse(schedule(program, wasmLimits), wasmLimits)
    expect(plan(fused, wasmLimits).offsets).toHaveLength(fused.buffers.length)
  })

  it('is differentiated and evaluated, on every device', () => {
    const f = (x: Tensor): Tensor => sum()(repeated(frames, (y) => stopGradient(add(x)(y)), x))
    const g = (x: Tensor): Tensor => sum()(repeated(frames, (y) => add(x)(y), x))
    const x = tensor([1, 2])
    for (const device of [wasm(), reference({ floats: 'float64' })]) {
      expect(toScalar(right(evaluate(device)(f(x))))).toBe(3 * (1 + frames))
      expect(toScalar(right(evaluate(device)(sum()(grad(g)(x)))))).toBe(2 * (1 + frames))
    }
  })

  it('of views of a number is seen to be that number', () => {
    const ones = viewed(full([1, 3], 1))
    const product = (x: Tensor): Tensor => mul(ones)(x)
    expect(right(trace(product)(spec([3]))).program.instructions).toEqual([])
    const square = (x: Tensor): Tensor => sum()(pow(viewed(full([1, 3], 2)))(x))
    const { program } = right(trace(grad(square))(spec([3])))
    expect(program.instructions.every(({ op }) => op._tag !== 'unary' || op.fn !== 'log')).toBe(true)
  })
})

describe('an operation of very many operands', () => {
  it('is computed and differentiated', () => {
    const rows = (x: Tensor): Tensor =>
      pipe(
        Array.from({ length: 5_000 }, (_, i) => mul(i)(x)),
        concat(0),
        matmul(full([2, 1], 1)),
        sum()
      )
    const x = tensor([[1, 2]])
    expect(right(evaluate(reference({ floats: 'float64' }))(sum()(grad(rows)(x))))).toBeDefined()
    expect(toScalar(right(evaluate(wasm())(sum()(grad(rows)(x)))))).toBe(2 * 12_497_500)
  })
})
