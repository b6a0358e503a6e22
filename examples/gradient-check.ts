import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { customVjp, gradientCheck, showGradientError } from 'pure-electra/autodiff'
import { add, mul, neg, square, tanh, tensor } from 'pure-electra/tensor'
import { assertGradients, tensors } from 'pure-electra/testing'

// Two functions with a derivative of their own; the second forgets the square in 1 - tanh^2.
const right = customVjp(tanh, (ct, y) => [pipe(y, square, neg, add(1), mul(ct))])
const wrong = customVjp(tanh, (ct, y) => [pipe(y, neg, add(1), mul(ct))])

// At one point: first and second derivatives against central differences in float64.
const checked = gradientCheck(right, tensor([0.5, -2]), { order: 2 })
console.log(
  pipe(
    checked,
    E.match(showGradientError, ({ compared }) => `${compared} derivatives agree`)
  )
)

// At shapes and values that nobody chose. A failure throws, shrunk to the simplest argument that still fails.
assertGradients(right, tensors(), { order: 2 })
try {
  assertGradients(wrong, tensors())
} catch (failure) {
  console.log((failure as Error).message)
}
