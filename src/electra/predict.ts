/**
 * Asking a trained discriminator about text: for every token, the probability that it was replaced.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { ParameterSpec } from '../nn/index.js'
import { sigmoid, tensor, zeros } from '../tensor/index.js'
import { literal, peek, type Literal } from '../tensor/literal.js'
import { attempt } from '../tensor/program/trace.js'
import type { Device } from '../tensor/run/device.js'
import { evaluateTask, type EvaluationError } from '../tensor/run/evaluate.js'
import { equalShapes } from '../tensor/shape.js'
import type { NamedStored } from '../tensor/stored.js'
import { mapTree } from '../tensor/tree.js'
import type { ModelConfig } from './config.js'
import { encode } from './model/body.js'
import { discriminatorSpec, predictReplaced, type Discriminator } from './model/discriminator.js'

/** A discriminator with its sizes. */
export type TrainedDiscriminator = { readonly model: ModelConfig; readonly params: Discriminator<Literal> }

const isSpec = (x: unknown): x is ParameterSpec => typeof x === 'object' && x !== null && 'initialiser' in x

/**
 * The discriminator that stored tensors hold, under the names of its model file, behind `prefix`. `Left` is the name of a
 * tensor that is missing, of another shape, or not F32.
 */
export const discriminatorFrom = (
  model: ModelConfig,
  vocabSize: number,
  tensors: ReadonlyArray<NamedStored>,
  prefix = ''
): E.Either<string, TrainedDiscriminator> => {
  const named = new Map(tensors.map((x) => [x.name, x]))
  const unfit: Array<string> = []
  const params = mapTree(
    isSpec,
    ({ shape }, path): Literal | undefined => {
      const stored = named.get(prefix + path)
      if (stored?.dtype === 'F32' && equalShapes(stored.shape, shape)) return literal(shape, 'f32', stored.data)
      unfit.push(prefix + path)
      return undefined
    },
    discriminatorSpec(model, model, vocabSize, model.initializerRange)
  )
  return unfit.length === 0 ? E.right({ model, params: params as unknown as Discriminator<Literal> }) : E.left(unfit[0])
}

/**
 * The probability that each token was replaced, for one sequence of ids that begins with [CLS] and ends with [SEP].
 *
 * The returned function keeps its compiled programs, one for each length.
 */
export const suspicions = (
  device: Device,
  { model, params }: TrainedDiscriminator
): ((ids: ReadonlyArray<number>) => TE.TaskEither<EvaluationError, ReadonlyArray<number>>) => {
  const evaluate = evaluateTask(device)
  return (ids) =>
    pipe(
      TE.fromEither(
        attempt(() => {
          const shape = [1, ids.length]
          const inputs = {
            ids: tensor(Int32Array.from(ids), { shape }),
            mask: tensor(new Int32Array(ids.length).fill(1), { shape }),
            types: zeros(shape, 'i32')
          }
          const hidden = encode(model, model.heads, undefined)(params.electra.embeddings, params.electra)(inputs).final
          return sigmoid(predictReplaced(params)(hidden))
        })
      ),
      TE.chainW((probabilities) => evaluate({ probabilities })),
      TE.map(({ probabilities }) => Array.from(peek(probabilities)))
    )
}
