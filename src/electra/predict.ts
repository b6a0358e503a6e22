/**
 * Asking a trained discriminator about text: for every token, the probability that it was replaced.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { sigmoid, tensor, zeros } from '../tensor/index.js'
import { peek, type Literal } from '../tensor/literal.js'
import { attempt } from '../tensor/program/trace.js'
import type { Device } from '../tensor/run/device.js'
import type { StepError } from '../tensor/run/step-error.js'
import { evaluateTask } from '../tensor/run/evaluate.js'
import type { NamedStored } from '../tensor/stored.js'
import type { ModelConfig } from './config/config.js'
import { encode } from './model/body.js'
import { discriminatorSpec, predictReplaced, type Discriminator } from './model/discriminator.js'
import { storedParams } from './model/stored-params.js'

/** A discriminator with its sizes. */
export type TrainedDiscriminator = { readonly model: ModelConfig; readonly params: Discriminator<Literal> }

/**
 * The discriminator that stored tensors hold, under the names of its model file, behind `prefix`. `Left` is the name of a
 * tensor that is missing, of another shape, or not F32.
 */
export const discriminatorFrom = (
  model: ModelConfig,
  vocabSize: number,
  tensors: ReadonlyArray<NamedStored>,
  prefix = ''
): E.Either<string, TrainedDiscriminator> =>
  pipe(
    discriminatorSpec(model, model, vocabSize, model.initializerRange),
    storedParams(tensors, prefix)<Discriminator<Literal>>,
    E.map((params) => ({ model, params }))
  )

/**
 * The probability that each token was replaced, for one sequence of ids that begins with [CLS] and ends with [SEP].
 *
 * The returned function keeps its compiled programs, one for each length.
 */
export const suspicions = (
  device: Device,
  { model, params }: TrainedDiscriminator
): ((ids: ReadonlyArray<number>) => TE.TaskEither<StepError, ReadonlyArray<number>>) => {
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
