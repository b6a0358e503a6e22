import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { valueAndGrad } from 'pure-electra/autodiff'
import {
  adamW,
  applyUpdates,
  constantRate,
  dense,
  denseSpec,
  initialise,
  sigmoidCrossEntropy,
  type AdamState,
  type Initialised
} from 'pure-electra/nn'
import * as t from 'pure-electra/tensor'

// A small network that is to learn exclusive or. Tensors are expressions: nothing is computed yet.
const inputs = t.tensor([0, 0, 0, 1, 1, 0, 1, 1], { shape: [4, 2] })
const labels = t.tensor([0, 1, 1, 0], { shape: [4, 1] })
const layers = { hidden: denseSpec({ inputs: 2, outputs: 8 }), output: denseSpec({ inputs: 8, outputs: 1 }) }
type Params = Initialised<typeof layers>
const network = ({ hidden, output }: Params) => pipe(inputs, dense(hidden), t.tanh, dense(output))
const lossOf = (params: Params) => pipe(network(params), sigmoidCrossEntropy(labels), t.mean())

// A step of training is a pure function from state to state.
const optimizer = adamW({ schedule: constantRate(0.05), b1: 0.9, b2: 0.999, eps: 1e-8, weightDecay: 0 })
type State = { readonly params: Params; readonly moments: AdamState<Params> }
const update = ({ params, moments }: State, count: t.Tensor): readonly [State, t.Tensor] => {
  const { value, grads } = valueAndGrad(lossOf)(params)
  const [updates, next] = optimizer.update(grads, moments, params, { step: count })
  return [{ params: applyUpdates(params, updates), moments: next }, value]
}

// Training is a fold of that step, compiled once. Only the last line runs anything.
const device = t.wasm()
const params = initialise(t.random.key(1))(layers)
const start = { params, moments: optimizer.init(params) }
const answers = pipe(
  t.compile(update, device)(start, t.spec([], 'i32')),
  TE.chain(({ begin, step, read }) =>
    pipe(
      RA.makeBy(200, (n) => t.scalar(n, 'i32')),
      RA.reduce(pipe(begin(start), TE.bindTo('state')), (run, n) =>
        pipe(
          run,
          TE.chain(({ state }) => step(state, n))
        )
      ),
      TE.chain(({ state }) => read(state))
    )
  ),
  TE.chain((trained) => t.evaluateTask(device)(t.sigmoid(network(trained.params))))
)
console.log(pipe(await answers(), E.match(t.showStepError, t.show)))
