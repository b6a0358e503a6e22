/**
 * The encoder in this library, and its step as a fold takes it: a gradient, and an update of all parameters side by side.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { valueAndGrad } from '../../../src/autodiff/index.js'
import {
  andThen,
  applyUpdates,
  constantRate,
  dense,
  descend,
  embedding,
  encoder,
  gelu,
  layerNorm,
  scaleByAdam,
  softmaxCrossEntropy,
  type Dense,
  type EncoderLayer,
  type LayerNorm
} from '../../../src/nn/index.js'
import { add, mean, ones, reshape, showTensorError, spec, trace, type Tensor } from '../../../src/tensor/index.js'
import { tensorEntries } from '../../../src/tensor/tree.js'
import { showWorkerError, type WorkerError } from '../../../src/workers/error.js'
import type { Fold, FoldMaker, Step, StepOutputs } from '../../../src/workers/index.js'
import type { Adam, Parameter, Stepping, Training } from './library.js'

/** By name. Dense weights are `[out, in]`. */
type Params = Readonly<Record<string, Tensor>>

type State = { readonly mu: Params; readonly nu: Params; readonly params: Params }

const denseAt = (params: Params, name: string): Dense => ({
  weight: params[`${name}.weight`],
  bias: params[`${name}.bias`]
})

const normAt = (params: Params, name: string): LayerNorm => ({
  weight: params[`${name}.scale`],
  bias: params[`${name}.bias`]
})

const layerAt = (params: Params, name: string): EncoderLayer => {
  const inner = (part: string): Dense => denseAt(params, `${name}.${part}`)
  return {
    attention: {
      self: { query: inner('query'), key: inner('key'), value: inner('value') },
      output: { dense: inner('output'), LayerNorm: normAt(params, `${name}.norm1`) }
    },
    intermediate: { dense: inner('up') },
    output: { dense: inner('down'), LayerNorm: normAt(params, `${name}.norm2`) }
  }
}

const lossOf =
  ({ size: { batch, length, hidden, heads, layers }, normEps: eps }: Training) =>
  (params: Params, ids: Tensor, targets: Tensor): Tensor => {
    const words = pipe(ids, embedding({ weight: params.words }), reshape([batch, length, hidden]))
    const embedded = pipe(words, add(params.positions), layerNorm({ eps })(normAt(params, 'norm')))
    const layer = Array.from({ length: layers }, (_, l) => layerAt(params, `layer${l}`))
    const { final } = encoder({ heads, dropout: 0, attentionDropout: 0, eps, activation: gelu })({ layer })(
      embedded,
      ones([batch, length])
    )
    return pipe(
      final,
      reshape([batch * length, hidden]),
      dense(denseAt(params, 'head')),
      softmaxCrossEntropy(targets),
      mean()
    )
  }

const updateWith =
  ({ rate, ...moments }: Adam) =>
  ({ params, ...state }: State, grads: Params, step: Tensor): State => {
    const optimizer = pipe(scaleByAdam({ ...moments, biasCorrection: true }), andThen(descend(constantRate(rate))))
    const [updates, next] = optimizer.update(grads, state, params, { step })
    return { ...next, params: applyUpdates(params, updates) }
  }

const isWeight = ({ name }: Parameter): boolean => name.endsWith('.weight')

const shapeOf = (parameter: Parameter): ReadonlyArray<number> =>
  isWeight(parameter) ? [...parameter.shape].reverse() : parameter.shape

const valuesOf = (parameter: Parameter): Float32Array => {
  if (!isWeight(parameter)) return parameter.values
  const [rows, columns] = parameter.shape
  const turned = new Float32Array(parameter.values.length)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = parameter.values[i * columns + j]
  return turned
}

const traced = <A>(result: E.Either<Parameters<typeof showTensorError>[0], A>): A => {
  if (E.isLeft(result)) throw new Error(showTensorError(result.left))
  return result.right
}

const stateLike = (params: Params): State => ({ mu: params, nu: params, params })

const stepOf = (training: Training, params: Params): Step => {
  const { batch, length } = training.size
  const tokens = spec([batch * length], 'i32')
  const counter = spec([], 'i32')
  const update = updateWith(training.adam)
  const paths = tensorEntries(stateLike(params)).map(([path]) => path)
  const names = tensorEntries(params).map(([path]) => path)
  const placesOf = (part: keyof State): ReadonlyArray<number> => names.map((name) => paths.indexOf(`${part}.${name}`))
  return {
    shards: 1,
    state: paths.length,
    reads: placesOf('params'),
    gradients: names.length,
    shardGrad: traced(
      trace((at: Params, ids: Tensor, targets: Tensor) => {
        const { value, grads } = valueAndGrad((p: Params) => lossOf(training)(p, ids, targets))(at)
        return [grads, value] as const
      })(params, tokens, tokens)
    ),
    update: traced(trace(update)(stateLike(params), params, counter)),
    flat: {
      groups: [names.map((_, i) => i)],
      parts: [placesOf('mu'), placesOf('nu'), placesOf('params')],
      update: ([size]) => {
        const all = { all: spec([size]) }
        return trace(update)(stateLike(all), all, counter)
      }
    }
  }
}

const gotten = async <A>(task: TaskEither<WorkerError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(showWorkerError(result.left))
  return result.right
}

/** As many steps in flight as the fold's window. */
const takeSteps = async (
  { window, step }: Fold,
  { batches }: Training,
  first: number,
  steps: number
): Promise<ReadonlyArray<number>> => {
  const pending: Array<Promise<StepOutputs>> = []
  const losses: Array<number> = []
  const settle = async (): Promise<void> => {
    const done = await pending.shift()
    if (done !== undefined) losses.push(done.metrics[0][0])
  }
  for (let n = first; n < first + steps; n++) {
    if (pending.length >= window) await settle()
    const { ids, targets } = batches[n % batches.length]
    pending.push(gotten(step([[ids, targets]], [Int32Array.of(n)])))
  }
  while (pending.length > 0) await settle()
  return losses
}

/** Training by a fold that is made for it, from the parameters as they are given. */
export const steppingOn = async (maker: FoldMaker, training: Training): Promise<Stepping> => {
  const params: Params = Object.fromEntries(training.parameters.map((p) => [p.name, spec(shapeOf(p))]))
  const values = new Map(training.parameters.map((p) => [`params.${p.name}`, p]))
  const fold = await gotten(maker.make(stepOf(training, params)))
  await gotten(
    fold.write(
      tensorEntries(stateLike(params)).map(([path, { shape }]) => {
        const given = values.get(path)
        return given === undefined ? new Float32Array(shape.reduce((a, b) => a * b, 1)) : valuesOf(given)
      })
    )
  )
  let taken = 0
  return {
    take: async (steps) => {
      const losses = await takeSteps(fold, training, taken, steps)
      taken += steps
      return losses
    },
    // Its memory goes with the device.
    release: () => undefined
  }
}
