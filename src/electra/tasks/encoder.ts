/**
 * The encoder that a task is learnt on: of a run, of a model directory, or of a model that was fine-tuned before.
 */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { StoreError } from '../store/errors.js'
import { exists } from '../store/files/files.js'
import type { Network } from '../store/models/hf-config.js'
import type { FloatTensor } from '../store/models/hf-tensors.js'
import { readTokenizerFiles, type TokenizerFiles } from '../store/models/hf-tokenizer-files.js'
import { importModel } from '../store/models/model-files.js'
import { modelsOfRun } from '../store/models/run-models.js'

export type Encoder = {
  readonly directory: string
  readonly network: Network
  /** Of the body, under the names of the network's parameters. */
  readonly tensors: ReadonlyArray<FloatTensor>
  readonly tokenizing: TokenizerFiles
}

/** The model directory that a path stands for: the main network's of a run, that of a trial, or itself. */
export const modelIn = (given: string): TE.TaskEither<StoreError, string> =>
  pipe(
    exists(join(given, 'trial-1')),
    TE.filterOrElse(
      (hasTrials) => !hasTrials,
      (): StoreError => ({
        _tag: 'Corrupt',
        path: given,
        found: 'the trials of a fine-tuning',
        expected: `the directory of one, as ${join(given, 'trial-1')}`
      })
    ),
    TE.chainW(() => exists(join(given, 'model', 'config.json'))),
    TE.chain((isTrial) => (isTrial ? TE.right([join(given, 'model')]) : modelsOfRun(given))),
    TE.map(([first = given]) => first)
  )

/** Reads the body of whatever ELECTRA there is, and its tokeniser. Fails where the model has no row for one of its pieces. */
export const readEncoder = (given: string): TE.TaskEither<StoreError, Encoder> =>
  pipe(
    modelIn(given),
    TE.bindTo('directory'),
    TE.bind('model', ({ directory }) => importModel(directory, 'encoder')),
    TE.bind('tokenizing', ({ directory }) => readTokenizerFiles(directory)),
    TE.filterOrElse(
      ({ model, tokenizing }) => tokenizing.rows <= model.network.vocabSize,
      ({ directory, model, tokenizing }): StoreError => ({
        _tag: 'Corrupt',
        path: directory,
        found: `a vocabulary of ${tokenizing.rows} pieces`,
        expected: `at most the model's ${model.network.vocabSize}`
      })
    ),
    TE.map(({ directory, model: { network, tensors }, tokenizing }) => ({ directory, network, tensors, tokenizing }))
  )
