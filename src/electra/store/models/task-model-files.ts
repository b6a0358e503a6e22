/**
 * Directories of fine-tuned models.
 *
 * With the heads of Hugging Face's classes they are as transformers reads and writes them: ElectraForSequenceClassification,
 * ElectraForTokenClassification and ElectraForQuestionAnswering. With the published code's heads, for which it has no classes, they
 * are an ElectraModel to it; the head's own tensors stand beside the encoder's, h wide, in the same file:
 *
 *     a class, or a number    classifier                  [outputs, h]
 *     spans                   start_predictions           [1, h]
 *                             end_predictions             dense [512, 2h], out_proj [1, 512]
 *                             answerability_predictions   dense [512, 2h], out_proj [1, 512]
 *
 * each with a weight of that shape and a bias of its rows. `task.json` says which head it is: see `task-file`. A network's parameters
 * have the names of the file, so they go in and out as they are.
 */

import { basename, dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { encode } from '../../../tensor/safetensors.js'
import type { NamedStored } from '../../../tensor/stored.js'
import type { StoreError } from '../errors.js'
import { exists, readText, replaceDirectory, writeDirectory } from '../files/files.js'
import { headShapes, parseHeadNetwork, parseTaskConfig, printTaskConfig, type TaskHead } from './hf-task-config.js'
import { checkTensors, hfShapes, readWithHead, type ReadTensors } from './hf-tensors.js'
import { readWeights, tensorsFile } from './hf-weights.js'
import { parseTaskFile, printTaskFile, taskFile, type Learnt, type TaskFile } from './task-file.js'

export type FineTunedModel = TaskHead & {
  /** The network's parameters, by path. */
  readonly params: ReadonlyArray<NamedStored>
  /** Texts of the tokeniser's files, by name. */
  readonly tokenizer: Readonly<Record<string, string>>
  readonly learnt?: Learnt
}

const configFile = 'config.json'
/** Far more than any. */
const longestConfig = 2 ** 20

const writingWith =
  (writing: typeof writeDirectory) =>
  (directory: string, { params, tokenizer, learnt, ...head }: FineTunedModel): TE.TaskEither<StoreError, string> => {
    const named = new Map(params.map((x) => [x.name, x]))
    const text = (content: string): Uint8Array => new TextEncoder().encode(content)
    return pipe(
      TE.fromEither(
        checkTensors(directory, new Map([...hfShapes(head.network, 'encoder'), ...headShapes(head)]))(named)
      ),
      TE.chain((tensors) =>
        writing(
          dirname(directory),
          basename(directory),
          new Map([
            [configFile, text(printTaskConfig(head))],
            [taskFile, text(printTaskFile({ ...head, ...(learnt === undefined ? {} : { learnt }) }))],
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
 * Fails with `TensorsDiffer` where the parameters are not those of the task and its head, and `AlreadyExists` where the directory is
 * there.
 */
export const exportTaskModel = writingWith(writeDirectory)

/** The same in place of the directory that has the name, if any: that stands until the new one is whole. */
export const replaceTaskModel = writingWith(replaceDirectory)

type Described = TaskHead & Pick<TaskFile, 'learnt'>

/** What `config.json` says of transformers' classes it says; all else is said by `task.json`. */
const headIn = (directory: string, config: string, file: TaskFile): E.Either<StoreError, Described> => {
  const path = join(directory, configFile)
  const learnt = file.learnt === undefined ? {} : { learnt: file.learnt }
  if (file.head === 'official' && file.task._tag !== 'Tagging')
    return pipe(
      parseHeadNetwork(path)(config),
      E.map((network) => ({ ...network, ...file }))
    )
  return pipe(
    parseTaskConfig(path)(config),
    E.map((head) => ({
      ...head,
      task: head.task._tag === file.task._tag ? { ...file.task, ...head.task } : head.task,
      head: file.head,
      ...learnt
    }))
  )
}

const readHead = (directory: string, config: string): TE.TaskEither<StoreError, Described> => {
  const path = join(directory, taskFile)
  return pipe(
    TE.fromTask<boolean, StoreError>(TE.toUnion(exists(path))),
    TE.chain((there) =>
      there
        ? pipe(
            readText(path, longestConfig),
            TE.chainEitherK(parseTaskFile(path)),
            TE.chainEitherK((file) => headIn(directory, config, file))
          )
        : TE.fromEither(parseTaskConfig(join(directory, configFile))(config))
    )
  )
}

export type ReadTaskModel = Described & ReadTensors

/**
 * Reads the directory of a fine-tuned model, whichever head it has: its network and task, and its tensors as f32 under the names of
 * the network's parameters. Fails where it is no model of a task, or lacks a tensor that its configuration says.
 */
export const importTaskModel = (directory: string): TE.TaskEither<StoreError, ReadTaskModel> =>
  pipe(
    readText(join(directory, configFile), longestConfig),
    TE.chain((config) => readHead(directory, config)),
    TE.bindTo('head'),
    TE.bind('weights', () => readWeights(directory)),
    TE.chainEitherK(({ head, weights: { path, tensors } }) =>
      pipe(
        readWithHead(path, head.network, headShapes(head))(tensors),
        E.map((read) => ({ ...head, ...read }))
      )
    )
  )
