/**
 * Model directories as Hugging Face's transformers reads and writes them: `config.json`, `model.safetensors`, and the
 * tokeniser's files.
 */

import { basename, dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { encode } from '../../../tensor/safetensors.js'
import type { NamedStored } from '../../../tensor/stored.js'
import type { ElectraConfig } from '../../config/config.js'
import type { Exported } from '../../objective/exported.js'
import type { Half, StoreError } from '../errors.js'
import { readText, replaceDirectory, writeDirectory } from '../files/files.js'
import { networkOf, parseHfConfig, printHfConfig, type Network } from './hf-config.js'
import { readWeights, tensorsFile } from './hf-weights.js'
import { checkTensors, exportedTensors, hfShapes, readHalf, type FloatTensor } from './hf-tensors.js'

export type TrainedModel = {
  readonly config: ElectraConfig
  readonly vocabSize: number
  /** The run's parameters, by path. */
  readonly params: ReadonlyArray<NamedStored>
  /** Texts of the tokeniser's files, by name. */
  readonly tokenizer: Readonly<Record<string, string>>
}

const configFile = 'config.json'
/** Far more than any. */
const longestConfig = 2 ** 20

type Writing = typeof writeDirectory

const writingWith =
  (writing: Writing) =>
  (
    directory: string,
    exported: Exported,
    { config, vocabSize, params, tokenizer }: TrainedModel
  ): TE.TaskEither<StoreError, string> => {
    const network = networkOf(config, vocabSize, exported)
    const shapes = hfShapes(network, exported.half)
    const text = (content: string): Uint8Array => new TextEncoder().encode(content)
    return pipe(
      exportedTensors(exported, shapes.keys(), params),
      checkTensors(directory, shapes),
      TE.fromEither,
      TE.chain((tensors) =>
        writing(
          dirname(directory),
          basename(directory),
          new Map([
            [configFile, text(printHfConfig(network, exported.half))],
            // transformers refuses files that do not say where they come from.
            [tensorsFile, encode([...tensors.values()], { format: 'pt' })],
            ...Object.entries(tokenizer).map(([name, content]) => [name, text(content)] as const)
          ])
        )
      )
    )
  }

/**
 * Writes one network of a run as a new directory, whole or not at all, and gives its path.
 * Fails with `TensorsDiffer` where the parameters lack one of the network's, and `AlreadyExists` where the directory is there.
 */
export const exportModel = writingWith(writeDirectory)

/** The same in place of the directory that has the name, if any: that stands until the new one is whole. */
export const replaceModel = writingWith(replaceDirectory)

export type ModelFiles = {
  readonly network: Network
  readonly tensors: ReadonlyArray<FloatTensor>
  /** Names in the file that no part of the network has. */
  readonly ignored: ReadonlyArray<string>
}

/**
 * Reads a model directory: its network, and its tensors as f32 under Hugging Face's names, `electra.` in front of the body's.
 * Fails where the directory holds another half than the one wanted, or lacks a tensor that its configuration says.
 */
export const importModel = (directory: string, half: Half): TE.TaskEither<StoreError, ModelFiles> =>
  pipe(
    readText(join(directory, configFile), longestConfig),
    TE.chainEitherK(parseHfConfig(join(directory, configFile))),
    TE.bindTo('network'),
    TE.bind('weights', () => readWeights(directory)),
    TE.chainEitherK(({ network, weights: { path, tensors } }) =>
      pipe(
        readHalf(path, network, half)(tensors),
        E.map((read) => ({ network, ...read }))
      )
    )
  )
