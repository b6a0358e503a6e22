/** What all trials of a task have in common: the encoder, the task on its data, and the recipe. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { openTokenizer, showTokenizerError, type Tokenizer } from '../../data/vocabulary/tokenizer.js'
import { showStoreError } from '../../store/errors.js'
import { showTaskDataError } from '../../tasks/data/data-error.js'
import { readEncoder, type Encoder } from '../../tasks/encoder.js'
import { tableTask } from '../../tasks/families/own-table.js'
import { heldOutSplits, lossColumn } from '../../tasks/problem.js'
import { recipeFor, type Recipe } from '../../tasks/recipe.js'
import { taskNamed, tasks } from '../../tasks/table.js'
import type { PreparedTask, Task } from '../../tasks/task.js'
import type { Column } from '../../training/columns.js'
import type { Console } from '../console.js'
import { failed, failedWith, wrongUsage, type Failure } from '../outcome.js'
import type { FinetuneOptions } from './options.js'

type Chosen = { readonly task: Task; readonly directory: string; readonly dev?: string }

/** Which task is asked for, and where its files are. Reads nothing. */
export const chosen = (options: FinetuneOptions): E.Either<Failure, Chosen> => {
  const { task: name, data, dev, train, textA, textB, label, test, regression } = options
  if (name === 'sentence')
    return train === undefined || dev === undefined || textA === undefined || label === undefined
      ? E.left(wrongUsage('--task sentence: expected --train, --dev, --text-a and --label'))
      : E.right({
          task: tableTask({ train, dev, test, textA, textB, label, isRegression: regression }),
          directory: '.'
        })
  const task = taskNamed(name)
  if (task === undefined)
    return E.left(
      wrongUsage(`--task: found '${name}', expected one of ${tasks.map((t) => t.name).join(', ')}, or sentence`)
    )
  return data === undefined
    ? E.left(wrongUsage(`--task ${name}: expected --data, the directory of its files`))
    : E.right({ task, directory: data, ...(dev === undefined ? {} : { dev }) })
}

/** What all trials have in common. */
export type Given = {
  readonly name: string
  readonly encoder: Encoder
  readonly prepared: PreparedTask
  readonly recipe: Recipe
  readonly columns: ReadonlyArray<Column>
}

/** [CLS] a [SEP] b [SEP] */
const shortest = 5

const recipeOf = (
  options: FinetuneOptions,
  { task: { defaults } }: Chosen,
  { network }: Encoder
): E.Either<Failure, Recipe> => {
  const { maxPositions } = network
  const sequenceLength = Math.min(defaults.sequenceLength, maxPositions)
  const recipe = recipeFor(network, { ...defaults, sequenceLength }, options)
  return recipe.sequenceLength >= shortest && recipe.sequenceLength <= maxPositions
    ? E.right(recipe)
    : E.left(
        wrongUsage(
          `--sequence-length: found ${recipe.sequenceLength}, expected from ${shortest}, which a pair has, to ${maxPositions}, ` +
            `the positions of ${options.model}`
        )
      )
}

const tokenizerOf = ({ tokenizing: { vocabulary, options, added } }: Encoder): E.Either<Failure, Tokenizer> =>
  pipe(openTokenizer(vocabulary, options, added), E.mapLeft(failedWith(showTokenizerError)))

/** Reads the task's data as rows for the encoder. */
const prepare = (
  { task, directory, dev }: Chosen,
  { network }: Encoder,
  { dropout, sequenceLength }: Recipe,
  tokenizer: Tokenizer,
  { head }: FinetuneOptions
): TE.TaskEither<Failure, PreparedTask> =>
  pipe(
    task.prepare(directory, {
      size: {
        model: { ...network, hiddenDropout: dropout, attentionDropout: dropout },
        vocabSize: network.vocabSize
      },
      tokenizer,
      sequenceLength,
      head,
      dropout,
      ...(dev === undefined ? {} : { dev })
    }),
    TE.mapLeft((e) => failed(e._tag === 'TokenizerFailed' ? showTokenizerError(e) : showTaskDataError(e)))
  )

export const given = (options: FinetuneOptions, console: Console): TE.TaskEither<Failure, Given> =>
  pipe(
    TE.fromEither(chosen(options)),
    TE.bindTo('choice'),
    TE.bind('encoder', () => pipe(readEncoder(options.model), TE.mapLeft(failedWith(showStoreError)))),
    TE.bind('recipe', ({ choice, encoder }) => TE.fromEither(recipeOf(options, choice, encoder))),
    TE.bind('tokenizer', ({ encoder }) => TE.fromEither(tokenizerOf(encoder))),
    TE.bind('prepared', ({ choice, encoder, recipe, tokenizer }) =>
      prepare(choice, encoder, recipe, tokenizer, options)
    ),
    TE.filterOrElse(
      ({ prepared }) => options.checkpoint === 'last' || heldOutSplits(prepared).length > 0,
      (): Failure => wrongUsage('--checkpoint best: found no labels in dev, expected some to know the best by')
    ),
    TE.map(({ choice: { task }, encoder, prepared, recipe }) => {
      for (const [name, { left }] of Object.entries(prepared.splits))
        for (const what of left) console.note(`${name}: left out ${what}`)
      return { name: task.name, encoder, prepared, recipe, columns: [lossColumn, ...prepared.columns] }
    })
  )
