/**
 * How likely a text is to a model that sees every token in its context: pseudo-log-likelihoods.
 *
 *     PLL(x) = sum over tokens of log p(x_t | all others)
 *
 * A masked language model gives it exactly, in one pass for each token (Salazar et al. 2020, https://arxiv.org/abs/1910.14659). Electric
 * gives minus its energies, in one pass for all (Clark et al. 2020, Pre-Training Transformers as Energy-Based Cloze Models): they are
 * not normalised, so only texts of like length and kind compare. Special tokens do not count.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { softmaxCrossEntropy } from '../../nn/index.js'
import { div, neg, tensor, zeros, type Tensor } from '../../tensor/index.js'
import { peek, type Literal } from '../../tensor/literal.js'
import { attempt } from '../../tensor/program/trace.js'
import type { Device } from '../../tensor/run/device.js'
import { evaluateTask } from '../../tensor/run/evaluate.js'
import type { StepError } from '../../tensor/run/step-error.js'
import type { NamedStored } from '../../tensor/stored.js'
import type { ModelConfig } from '../config/config.js'
import { encode, type TokenInputs } from '../model/body.js'
import { predictReplaced } from '../model/discriminator.js'
import { predictTokens, type MaskedLanguageModel } from '../model/generator.js'
import { storedParams } from '../model/stored-params.js'
import { maskedLmSpec } from '../objective/masked-lm.js'
import type { TrainedDiscriminator } from '../predict.js'

/**
 * The log-likelihood of each token of a row `[CLS] ... [SEP]` but the first and the last, in nats.
 */
export type Scorer = (ids: ReadonlyArray<number>) => TE.TaskEither<StepError, ReadonlyArray<number>>

const without = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => values.slice(1, -1)

const rowsOf = (rows: ReadonlyArray<ReadonlyArray<number>>): TokenInputs => {
  const shape = [rows.length, rows[0].length]
  return {
    ids: tensor(Int32Array.from(rows.flat()), { shape }),
    mask: tensor(new Int32Array(shape[0] * shape[1]).fill(1), { shape }),
    types: zeros(shape, 'i32')
  }
}

/**
 * Minus the logits of a discriminator: of one that was trained as Electric minus its energies, of another the log-odds that tokens are
 * original.
 */
export const energyScorer = (device: Device, { model, params }: TrainedDiscriminator): Scorer => {
  const evaluate = evaluateTask(device)
  return (ids) =>
    pipe(
      TE.fromEither(
        attempt(() => {
          const read = encode(model, model.heads, undefined)(params.electra.embeddings, params.electra)
          return pipe(read(rowsOf([ids])).final, predictReplaced(params), neg)
        })
      ),
      TE.chainW((scores) => evaluate({ scores })),
      TE.map(({ scores }) => without(Array.from(peek(scores))))
    )
}

/** A masked language model with its sizes. */
export type TrainedMaskedLm = { readonly model: ModelConfig; readonly params: MaskedLanguageModel<Literal> }

/** The one that stored tensors hold, under the names of its model file. `Left` is the name of one that does not fit. */
export const maskedLmFrom = (
  model: ModelConfig,
  vocabSize: number,
  tensors: ReadonlyArray<NamedStored>
): E.Either<string, TrainedMaskedLm> =>
  pipe(
    maskedLmSpec(model, vocabSize),
    storedParams(tensors)<MaskedLanguageModel<Literal>>,
    E.map((params) => ({ model, params }))
  )

/** Rows that are read at once: more take memory, and are no faster a row. */
const rowsAtOnce = 32

/** Each token with [MASK] in its place, in one row each; by the law of samples at the temperature. */
export const maskedLmScorer = (
  device: Device,
  { model, params }: TrainedMaskedLm,
  mask: number,
  temperature = 1
): Scorer => {
  const evaluate = evaluateTask(device)
  const losses = (ids: ReadonlyArray<number>, places: ReadonlyArray<number>): Tensor => {
    const rows = places.map((at) => ids.map((id, i) => (i === at ? mask : id)))
    const column = (values: ReadonlyArray<number>): Tensor =>
      tensor(Int32Array.from(values), { shape: [values.length, 1] })
    const hidden = encode(model, model.heads, undefined)(params.electra.embeddings, params.electra)(rowsOf(rows)).final
    const logits = predictTokens(model.layerNormEps)(params, params.electra.embeddings)(hidden, column(places))
    return pipe(logits, div(temperature), softmaxCrossEntropy(column(places.map((at) => ids[at]))), neg)
  }
  return (ids) => {
    const places = without(ids.map((_, i) => i))
    const groups = Array.from({ length: Math.ceil(places.length / rowsAtOnce) }, (_, i) =>
      places.slice(i * rowsAtOnce, (i + 1) * rowsAtOnce)
    )
    return pipe(
      groups,
      TE.traverseSeqArray((group) =>
        pipe(
          TE.fromEither(attempt(() => losses(ids, group))),
          TE.chainW((scores) => evaluate({ scores })),
          TE.map(({ scores }) => Array.from(peek(scores)))
        )
      ),
      TE.map((all) => all.flat())
    )
  }
}
