import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { grad } from 'pure-electra/autodiff'
import * as t from 'pure-electra/tensor'

// Tensors are expressions: nothing is computed until somebody asks for numbers.
const inputs = t.tensor([0, 1, 1, 0, 1, 1, 2, 1], { shape: [4, 2] })
const targets = t.tensor([-1, 3, 2, 5])
const loss = (weights: t.Tensor) => pipe(inputs, t.matmul(weights), t.sub(targets), t.square, t.mean())

// A gradient is an expression too, so a step of gradient descent is a pure function.
const step = (weights: t.Tensor) => pipe(weights, t.sub(pipe(grad(loss)(weights), t.mul(0.2))))

// Training folds the step; the device gives it numbers.
const valueOf = t.evaluate(t.wasm())
const next = E.chain((weights: t.Literal) => valueOf(step(weights)))
const trained = Array.from({ length: 100 }).reduce<ReturnType<typeof valueOf>>(next, E.right(t.tensor([0, 0])))
console.log(pipe(trained, E.match(t.showEvaluationError, t.show)))
