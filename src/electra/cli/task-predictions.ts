/** `pure-electra predict --data`: what a fine-tuned model says of a file, in the files that benchmarks take. */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Params } from '../../nn/index.js'
import { showStepError } from '../../tensor/run/step-error.js'
import { openTokenizer, showTokenizerError, type Tokenizer } from '../data/vocabulary/tokenizer.js'
import { storedParams } from '../model/stored-params.js'
import { showStoreError } from '../store/errors.js'
import { makeDirectories, writeFileWhole } from '../store/files/files.js'
import { readTokenizerFiles } from '../store/models/hf-tokenizer-files.js'
import { importTaskModel, type ReadTaskModel } from '../store/models/task-model-files.js'
import { predictRows } from '../tasks/apply.js'
import { showTaskDataError } from '../tasks/data/data-error.js'
import { modelIn } from '../tasks/encoder.js'
import { applyTable } from '../tasks/families/own-table.js'
import { taskNamed, tasks } from '../tasks/table.js'
import { applyFor, type AppliedTask, type ApplyTo, type Judgement } from '../tasks/task.js'
import type { Console } from './console.js'
import { counted } from '../counted.js'
import { withDevice, type DeviceOptions } from './device.js'
import { exitCodes, failed, failedWith, wrongUsage, type Command, type Failure } from './outcome.js'

export type TaskPredictionOptions = DeviceOptions & {
  readonly model: string
  readonly data: string
  readonly out?: string
  readonly task?: string
  readonly textA?: string
  readonly textB?: string
  readonly label?: string
}

/** How a file is read for the model, and how long its rows are. */
type Way = { readonly name: string; readonly apply: ApplyTo; readonly sequenceLength: number }

const usualLength = 128

/** By the task that the model says, or that is asked for; a table where its columns are. */
const wayOf = (options: TaskPredictionOptions, model: ReadTaskModel): E.Either<Failure, Way> => {
  const { textA, textB, label } = options
  const says = model.task._tag
  const isSentence = says === 'Classification' || says === 'Regression'
  const name = options.task ?? model.learnt?.name ?? (isSentence ? 'sentence' : undefined)
  const lengthOf = (usual: number): number =>
    Math.min(model.learnt?.sequenceLength ?? usual, model.network.maxPositions)
  const { task: said } = model
  if ((said._tag === 'Classification' || said._tag === 'Regression') && textA !== undefined)
    return E.right({
      name: name ?? 'sentence',
      apply: applyTable({ textA, textB, label })(said),
      sequenceLength: lengthOf(usualLength)
    })
  if (name === 'sentence')
    return E.left(
      wrongUsage(
        `--data: expected --text-a, the column of ${options.data} with the text, and --text-b where there are two`
      )
    )
  const task = name === undefined ? undefined : taskNamed(name)
  if (task === undefined)
    return E.left(
      wrongUsage(
        `--task: found ${name === undefined ? 'none, and none in the model' : `'${name}'`}, ` +
          `expected one of ${tasks.map((t) => t.name).join(', ')}`
      )
    )
  const apply = applyFor(task, said)
  return apply === undefined
    ? E.left(
        failed(
          `${options.model}: found a model with a head for ${says}, expected one for ${task.says}, as ${task.name} has`
        )
      )
    : E.right({ name: task.name, apply, sequenceLength: lengthOf(task.defaults.sequenceLength) })
}

type Ready = { readonly model: ReadTaskModel; readonly tokenizer: Tokenizer }

const ready = (given: string): TE.TaskEither<Failure, Ready> =>
  pipe(
    modelIn(given),
    TE.bindTo('directory'),
    TE.bind('model', ({ directory }) => importTaskModel(directory)),
    TE.bind('files', ({ directory }) => readTokenizerFiles(directory)),
    TE.mapLeft(failedWith(showStoreError)),
    TE.bind('tokenizer', ({ files: { vocabulary, options, added } }) =>
      pipe(TE.fromEither(openTokenizer(vocabulary, options, added)), TE.mapLeft(failedWith(showTokenizerError)))
    )
  )

const applied = (
  { data }: TaskPredictionOptions,
  { model, tokenizer }: Ready,
  { apply, sequenceLength }: Way
): TE.TaskEither<Failure, AppliedTask> => {
  const { network, dropout, head } = model
  const settings = { size: { model: network, vocabSize: network.vocabSize }, tokenizer, sequenceLength, head, dropout }
  return pipe(
    apply(data, settings),
    TE.mapLeft((e) => failed(e._tag === 'TokenizerFailed' ? showTokenizerError(e) : showTaskDataError(e)))
  )
}

const judged = (
  options: TaskPredictionOptions,
  { network, split }: AppliedTask,
  { model: { tensors } }: Ready,
  { sequenceLength }: Way
): TE.TaskEither<Failure, Judgement> =>
  pipe(
    TE.fromEither(storedParams(tensors)<Params>(network.parameters)),
    TE.mapLeft((name) => failed(`the model lacks ${name}`)),
    TE.chain((params) =>
      withDevice(options)((device) =>
        pipe(predictRows(device, network, params, sequenceLength)(split.rows), TE.mapLeft(failedWith(showStepError)))
      )
    ),
    TE.map(split.judge)
  )

const written = (out: string, { files }: Judgement): TE.TaskEither<Failure, ReadonlyArray<string>> =>
  pipe(
    makeDirectories(out),
    TE.chain(() =>
      pipe(
        Object.entries(files),
        TE.traverseSeqArray(([name, text]) =>
          pipe(
            writeFileWhole(join(out, name), text),
            TE.map(() => join(out, name))
          )
        )
      )
    ),
    TE.mapLeft(failedWith(showStoreError))
  )

/** Predicts every row of the file, writes what the benchmark takes, and where the file has labels says how good it is. */
export const predictTask = (options: TaskPredictionOptions, console: Console): Command => {
  const { out } = options
  if (out === undefined)
    return TE.left(wrongUsage('--data: expected --out, the directory that predictions are written to'))
  return pipe(
    ready(options.model),
    TE.bindTo('ready'),
    TE.bind('way', ({ ready: { model } }) => TE.fromEither(wayOf(options, model))),
    TE.bind('applied', ({ ready: its, way }) => applied(options, its, way)),
    TE.bind('judgement', ({ ready: its, way, applied: task }) => judged(options, task, its, way)),
    TE.bind('files', ({ judgement }) => written(out, judgement)),
    TE.map(({ way, applied: { split }, judgement: { report }, files }) => {
      for (const what of split.left) console.note(`${options.data}: left out ${what}`)
      for (const file of files) console.say(file)
      for (const [name, value] of Object.entries(report)) console.say(`${name.padEnd(22)}${value.toFixed(4)}`)
      console.note(`${counted(split.rows.count, 'row')} of ${way.sequenceLength} tokens, ${way.name}`)
      console.json({ task: way.name, rows: split.rows.count, report, files })
      return exitCodes.done
    })
  )
}
