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

export type Encoder = {
  readonly directory: string
  readonly network: Network
  /** Of the body, under the names of the network's parameters. */
  readonly tensors: ReadonlyArray<FloatTensor>
  readonly tokenizing: TokenizerFiles
}

/** Where the model may lie in the directory of a run: the main network first. */
const places = [['model', 'discriminator'], ['model', 'generator'], ['model']] as const

/** The model directory that a path stands for. */
export const modelIn = (given: string): TE.TaskEither<StoreError, string> =>
  pipe(
    places.map((place) => join(given, ...place)),
    TE.traverseSeqArray((directory) =>
      pipe(
        exists(join(directory, 'config.json')),
        TE.map((there) => (there ? [directory] : []))
      )
    ),
    TE.bindTo('found'),
    TE.bindW('hasTrials', () => exists(join(given, 'trial-1'))),
    TE.filterOrElse(
      ({ hasTrials }) => !hasTrials,
      (): StoreError => ({
        _tag: 'Corrupt',
        path: given,
        found: 'the trials of a fine-tuning',
        expected: `the directory of one, as ${join(given, 'trial-1')}`
      })
    ),
    TE.bindW('isRun', () => exists(join(given, 'checkpoints'))),
    TE.filterOrElse(
      ({ found, isRun }) => !isRun || found.flat().length > 0,
      (): StoreError => ({
        _tag: 'Corrupt',
        path: given,
        found: 'a run that is not finished',
        expected: 'a finished run (continue it with --resume), or a model directory'
      })
    ),
    TE.map(({ found }) => found.flat().at(0) ?? given)
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
