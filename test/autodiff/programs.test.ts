/**
 * The programs of a few gradients, as text: an intermediate that is larger than the operands would show here.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { isRight } from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkpoint, grad } from '../../src/autodiff/index.js'
import { einsum, exp, logSoftmax, matmul, mul, sum, take, tanh, type Tensor } from '../../src/tensor/index.js'
import { printProgram } from '../../src/tensor/program/print.js'
import { spec, trace } from '../../src/tensor/program/trace.js'

const gradientText = <Args extends ReadonlyArray<unknown>>(f: (args: Args) => Tensor, ...args: Args): string => {
  const traced = trace((...placed: Args) => grad(f)(placed))(...args)
  if (!isRight(traced)) throw new Error(JSON.stringify(traced.left))
  return printProgram(traced.right.program)
}

describe('the gradient of', () => {
  it('a matrix product is two matrix products, without a permutation', () => {
    const f = ([x, w, ct]: readonly [Tensor, Tensor, Tensor]): Tensor => pipe(x, matmul(w), mul(ct), sum())
    expect(gradientText(([x, w, ct]) => f([x, w, ct]), spec([2, 3]), spec([3, 5]), spec([2, 5])))
      .toMatchInlineSnapshot(`
      "%0: f32[2, 3] = input 0
      %1: f32[3, 5] = input 1
      %2: f32[2, 5] = input 2
      %3: f32[2, 3] = dot %2 %1 batch []x[] contract [1]x[1]
      %4: f32[3, 5] = dot %0 %2 batch []x[] contract [0]x[0]
      %5: f32[2, 5] = dot %0 %1 batch []x[] contract [1]x[0]
      return %3 as 0
      return %4 as 1
      return %5 as 2"
    `)
  })

  it('attention scores is a contraction for each side', () => {
    const f = ([q, k]: readonly [Tensor, Tensor]): Tensor => pipe(einsum('bqhd,bkhd->bhqk')(q, k), tanh, sum())
    expect(gradientText(f, spec([2, 3, 2, 4]), spec([2, 5, 2, 4]))).toMatchInlineSnapshot(`
      "%0: f32[2, 3, 2, 4] = input 0
      %1: f32[2, 5, 2, 4] = input 1
      %2: f32[] = constant 1
      %3: f32[2, 2, 3, 5] = dot %0 %1 batch [0, 2]x[0, 2] contract [3]x[3]
      %4: f32[2, 2, 3, 5] = tanh %3
      %5: f32[2, 2, 3, 5] = mul %4 %4
      %6: f32[2, 2, 3, 5] = neg %5
      %7: f32[2, 2, 3, 5] = broadcast %2
      %8: f32[2, 2, 3, 5] = add %6 %7
      %9: f32[2, 2, 3, 4] = dot %8 %1 batch [0, 1]x[0, 2] contract [3]x[1]
      %10: f32[2, 3, 2, 4] = permute %9 [0, 2, 1, 3]
      %11: f32[2, 2, 5, 4] = dot %8 %0 batch [0, 1]x[0, 2] contract [2]x[1]
      %12: f32[2, 5, 2, 4] = permute %11 [0, 2, 1, 3]
      return %10 as 0
      return %12 as 1"
    `)
  })

  it('the logarithm of a softmax uses the exponentials that are there', () => {
    const f = ([x]: readonly [Tensor]): Tensor => pipe(x, logSoftmax(), tanh, sum())
    expect(gradientText(f, spec([2, 3]))).toMatchInlineSnapshot(`
      "%0: f32[2, 3] = input 0
      %1: f32[] = constant 1
      %2: f32[2] = reduce-max %0 axes [1]
      %3: f32[2, 1] = reshape %2
      %4: f32[2, 3] = broadcast %3
      %5: f32[2, 3] = sub %0 %4
      %6: f32[2, 3] = exp %5
      %7: f32[2] = reduce-sum %6 axes [1]
      %8: f32[2, 1] = reshape %7
      %9: f32[2, 1] = log %8
      %10: f32[2, 3] = broadcast %9
      %11: f32[2, 3] = sub %5 %10
      %12: f32[2, 3] = tanh %11
      %13: f32[2, 3] = mul %12 %12
      %14: f32[2, 3] = neg %13
      %15: f32[2, 3] = broadcast %1
      %16: f32[2, 3] = add %14 %15
      %17: f32[2, 3] = neg %16
      %18: f32[2] = reduce-sum %17 axes [1]
      %19: f32[2, 1] = reshape %18
      %20: f32[2, 1] = div %19 %8
      %21: f32[2, 3] = broadcast %20
      %22: f32[2, 3] = mul %21 %6
      %23: f32[2, 3] = add %16 %22
      return %23 as 0"
    `)
  })

  it('a bias is a sum over the batch', () => {
    const f = ([x, b]: readonly [Tensor, Tensor]): Tensor => pipe(x, mul(b), exp, sum())
    expect(gradientText(f, spec([4, 3]), spec([3]))).toMatchInlineSnapshot(`
      "%0: f32[4, 3] = input 0
      %1: f32[3] = input 1
      %2: f32[4, 3] = broadcast %1
      %3: f32[4, 3] = mul %0 %2
      %4: f32[4, 3] = exp %3
      %5: f32[4, 3] = mul %4 %2
      %6: f32[4, 3] = mul %4 %0
      %7: f32[3] = reduce-sum %6 axes [0]
      return %5 as 0
      return %7 as 1"
    `)
  })

  it('a look-up adds rows where they were read', () => {
    const ids = spec([2, 3], 'i32')
    const traced = trace((table: Tensor, at: Tensor) => grad((t: Tensor) => pipe(t, take(at), exp, sum()))(table))(
      spec([7, 4]),
      ids
    )
    expect(isRight(traced) && printProgram(traced.right.program)).toMatchInlineSnapshot(`
      "%0: f32[7, 4] = input 0
      %1: i32[2, 3] = input 1
      %2: f32[2, 3, 4] = gather %0 %1 axis 0
      %3: f32[2, 3, 4] = exp %2
      %4: f32[7, 4] = scatterAdd %1 %3 axis 0
      return %4"
    `)
  })

  it('a checkpointed function begins behind a barrier', () => {
    const f = ([x]: readonly [Tensor]): Tensor => sum()(exp(checkpoint((y: Tensor) => tanh(exp(y)))(x)))
    expect(gradientText(f, spec([3]))).toMatchInlineSnapshot(`
      "%0: f32[3] = input 0
      %1: f32[] = constant 1
      %2: f32[3] = exp %0
      %3: f32[3] = tanh %2
      %4: f32[3] = exp %3
      %5: f32[3] = barrier %0 %4
      %6: f32[3] = exp %5
      %7: f32[3] = tanh %6
      %8: f32[3] = mul %7 %7
      %9: f32[3] = neg %8
      %10: f32[3] = broadcast %1
      %11: f32[3] = add %9 %10
      %12: f32[3] = mul %4 %11
      %13: f32[3] = mul %12 %6
      return %13 as 0"
    `)
  })
})
