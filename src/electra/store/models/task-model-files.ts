/**
 * Directories of fine-tuned models as Hugging Face's transformers reads and writes them: ElectraForSequenceClassification,
 * ElectraForTokenClassification and ElectraForQuestionAnswering.
 *
 * A network's parameters have the names of the file, so they go in and out as they are.
 */

import { basename, dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { encode } from '../../../tensor/safetensors.js'
import type { NamedStored } from '../../../tensor/stored.js'
import type { StoreError } from '../errors.js'
import { readText, replaceDirectory, writeDirectory } from '../files/files.js'
import { architectureOf, headShapes, parseTaskConfig, printTaskConfig, type TaskHead } from './hf-task-config.js'
import { checkTensors, hfShapes, readWithHead, type ReadTensors } from './hf-tensors.js'
import { readWeights, tensorsFile } from './hf-weights.js'

export type FineTunedModel = TaskHead & {
  /** The network's parameters, by path. */
  readonly params: ReadonlyArray<NamedStored>
  /** Texts of the tokeniser's files, by name. */
  readonly tokenizer: Readonly<Record<string, string>>
}

const configFile = 'config.json'
/** Far more than any. */
const longestConfig = 2 ** 20

/** Names that only heads of the published code have, for tasks whose classes have others. */
const isOfficial = ({ task }: TaskHead, names: ReadonlyArray<string>): boolean => {
  switch (task._tag) {
    case 'Classification':
    case 'Regression':
      return names.includes('classifier.weight')
    case 'Spans':
      return names.includes('start_predictions.weight')
    case 'Tagging':
      return false
  }
}

const writingWith =
  (writing: typeof writeDirectory) =>
  (directory: string, { params, tokenizer, ...head }: FineTunedModel): TE.TaskEither<StoreError, string> => {
    const named = new Map(params.map((x) => [x.name, x]))
    const text = (content: string): Uint8Array => new TextEncoder().encode(content)
    const checked: E.Either<StoreError, ReadonlyMap<string, NamedStored>> = isOfficial(head, [...named.keys()])
      ? E.left({ _tag: 'OfficialHead', path: directory, architecture: architectureOf(head.task) })
      : checkTensors(directory, new Map([...hfShapes(head.network, 'encoder'), ...headShapes(head)]))(named)
    return pipe(
      TE.fromEither(checked),
      TE.chain((tensors) =>
        writing(
          dirname(directory),
          basename(directory),
          new Map([
            [configFile, text(printTaskConfig(head))],
            // transformers refuses files that do not say where they come from.
            [tensorsFile, encode([...tensors.values()], { format: 'pt' })],
            ...Object.entries(tokenizer).map(([name, content]) => [name, text(content)] as const)
          ])
        )
      )
    )
  }

/**
 * Writes a fine-tuned network as a new directory, whole or not at all, and gives its path.
 * Fails with `OfficialHead` where the head is the published code's and transformers has no class for it (tagging has one for both),
 * `TensorsDiffer` where the parameters are not those of the task, and `AlreadyExists` where the directory is there.
 */
export const exportTaskModel = writingWith(writeDirectory)

/** The same in place of the directory that has the name, if any: that stands until the new one is whole. */
export const replaceTaskModel = writingWith(replaceDirectory)

/**
 * Reads a directory of one of the three classes: its network and task, and its tensors as f32 under the names of the network's
 * parameters. Fails where it is of another class, or lacks a tensor that its configuration says.
 */
export const importTaskModel = (directory: string): TE.TaskEither<StoreError, TaskHead & ReadTensors> =>
  pipe(
    readText(join(directory, configFile), longestConfig),
    TE.chainEitherK(parseTaskConfig(join(directory, configFile))),
    TE.bindTo('head'),
    TE.bind('weights', () => readWeights(directory)),
    TE.chainEitherK(({ head, weights: { path, tensors } }) =>
      pipe(
        readWithHead(path, head.network, headShapes(head))(tensors),
        E.map((read) => ({ ...head, ...read }))
      )
    )
  )
