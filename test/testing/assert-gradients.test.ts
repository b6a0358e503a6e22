/**
 * The assertion itself: it passes what is right, and shows what is wrong in its smallest form.
 */

import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { customVjp } from '../../src/autodiff/index.js'
import { exp, matmul, mul, ones, square, sum, tanh, type Tensor } from '../../src/tensor/index.js'
import { assertGradients, broadcastablePairs, shapes, tensorOf, tensors } from '../../src/testing/index.js'

const failureOf = (run: () => void): string => {
  try {
    run()
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
  return 'nothing was thrown'
}

const wrongSign = customVjp(
  (x: Tensor) => exp(x),
  (ct, y) => [pipe(ct, mul(y), mul(-1))]
)

/** Right at 0, and wrong by x elsewhere. */
const wrongSquare = customVjp(
  (x: Tensor) => square(x),
  (ct, _, [x]) => [mul(x)(ct)]
)

describe('assertGradients', () => {
  it('accepts a right gradient, of a result of any shape, to second order', () => {
    assertGradients(([a, b]) => pipe(a, mul(b), tanh), broadcastablePairs(), { order: 2 })
  })

  it('shrinks a gradient that is wrong everywhere to the scalar 0', () => {
    const message = failureOf(() => assertGradients(wrongSign, tensors()))
    expect(message).toContain('the gradient is wrong at element []: analytic -1, numeric 1.0')
    expect(message).toContain('argument = tensor(0, shape [], f32)')
  })

  it('shrinks a gradient that is wrong away from 0 to a single 1', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const message = failureOf(() => assertGradients(wrongSquare, tensors(), { replay: { seed, path: '' } }))
        // A shape that was reached late in the shrinking may keep a zero beside it.
        expect(message).toMatch(/argument = tensor\((-?1, shape \[\]|\[(-?1|0, -?1|-?1, 0)\], shape \[[12]\]), f32\)/)
      }),
      { numRuns: 10 }
    )
  })

  it('shrinks the shapes of several arguments together', () => {
    const factors = shapes({ minRank: 3, maxRank: 3, maxExtent: 4 }).chain(([m, k, n]) =>
      fc.record({ a: tensorOf([m, k]), b: tensorOf([k, n]) })
    )
    const wrongProduct = customVjp(
      (a: Tensor, b: Tensor) => matmul(b)(a),
      (ct, _, [a, b]) => [matmul(ones([b.shape[1], a.shape[1]]))(ct), matmul(ct)(ones([a.shape[1], a.shape[0]]))]
    )
    const message = failureOf(() => assertGradients(({ a, b }) => wrongProduct(a, b), factors))
    expect(message).toMatch(/a = tensor\(\[\[-?[\d.]+\]\], shape \[1, 1\], f32\)/)
    expect(message).toMatch(/b = tensor\(\[\[-?[\d.]+\]\], shape \[1, 1\], f32\)/)
  })

  it('prints what runs the failure again', () => {
    const message = failureOf(() => assertGradients(wrongSquare, tensors()))
    const [, seed, path] = /seed: (-?\d+), path: '([\d:]+)'/.exec(message) ?? []
    const again = failureOf(() => assertGradients(wrongSquare, tensors(), { replay: { seed: Number(seed), path } }))
    expect(again.split('\n').slice(0, -1)).toEqual(message.split('\n').slice(0, -1))
  })

  it('reports a mistake in the expression with its arguments', () => {
    const message = failureOf(() =>
      assertGradients((x) => matmul(ones([3, 3]))(x), tensors({ minRank: 1, maxRank: 1 }))
    )
    expect(message).toContain('matmul: shapes do not match: [1] and [3, 3]')
    expect(message).toContain('argument = tensor([0], shape [1], f32)')
  })

  it('looks at second derivatives only where it is asked to', () => {
    const secondWrong = customVjp(
      (x: Tensor) => square(x),
      // 2 x, as a rule whose own derivative is 0.
      (ct, _, [x]) => [mul(notDifferentiated(mul(2)(x)))(ct)]
    )
    const notDifferentiated = customVjp(
      (x: Tensor) => x,
      () => [undefined]
    )
    assertGradients((x) => sum()(secondWrong(x)), tensors())
    expect(failureOf(() => assertGradients((x) => sum()(secondWrong(x)), tensors(), { order: 2 }))).toContain(
      'analytic 0'
    )
  })
})
