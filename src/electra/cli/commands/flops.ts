/** `pure-electra flops`: the arithmetic of training, as the paper counts it and as our programs carry it out. */

import { Option, type Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { ElectraConfig } from '../../config/config.js'
import { slotsOf } from '../../data/examples/masking.js'
import { countRecipe } from '../../flops/count.js'
import { executedFlops } from '../../flops/executed.js'
import { published, type Accounting } from '../../flops/forward.js'
import { publishedRows, type PublishedRow } from '../../flops/published.js'
import { generatorShare, trainingFlops, type Recipe } from '../../flops/training.js'
import { objectiveOf } from '../../objective/table.js'
import { executedStep, recipeOf } from '../../pretraining/compute.js'
import { drawnPieces } from '../../objective/pieces.js'
import { configSource, jsonOption, pieces, setOption } from '../arguments.js'
import type { Console } from '../console.js'
import { counted } from '../../counted.js'
import { wrapped } from '../fit.js'
import { examples, finish, type WithJson } from '../finish.js'
import { percentOf, showFlops, showFrameworkCount, showPublished } from '../flops-table.js'
import { loadConfig } from '../load-config.js'
import { exitCodes, failedWith, wrongUsage, type Command, type Failure } from '../outcome.js'
import { showRunError } from '../show-error.js'

/** The part of the positions that have a softmax: the paper's constant, or the configuration's own slots. */
const softmaxShares = ['published', 'slots'] as const

export type FlopsOptions = {
  readonly paper: boolean
  readonly sparse: boolean
  readonly softmaxShare?: (typeof softmaxShares)[number]
  readonly vocabSize?: number
  readonly set?: ReadonlyArray<string>
}

/** Pieces of the published vocabulary. */
const publishedPieces = 30_522

/** How embeddings are counted. */
const lookupsOf = (sparse: boolean): string =>
  sparse
    ? 'Words are looked up, and their products with one-hot vectors not counted.'
    : 'As the paper counts: words as products with one-hot vectors (without: --sparse), backward as forward.'

/** The generator's share in the other accounting of embeddings. */
const otherShareOf = (recipe: Recipe, accounting: Accounting): string | undefined => {
  if (!recipe.networks.some(({ role }) => role === 'generator')) return undefined
  const other = { ...accounting, sparseLookup: !accounting.sparseLookup }
  return `${other.sparseLookup ? 'with words looked up' : 'with words as products'} ${percentOf(generatorShare(recipe, other))}`
}

// -------------------------------------------------------------- configurations

/** A run of a configuration, and what a step of it executes. */
const flopsOfConfig = (
  config: ElectraConfig,
  { sparse, softmaxShare = 'published', vocabSize = publishedPieces }: FlopsOptions,
  console: Console
): TE.TaskEither<Failure, void> => {
  const { sequenceLength: length, training, maskProbability, model } = config
  const objective = objectiveOf(config, drawnPieces(vocabSize))
  const slots = slotsOf(maskProbability, length)
  const maskedShare = softmaxShare === 'slots' ? slots / length : published.maskedShare
  const accounting = { sparseLookup: sparse, maskedShare }
  const recipe = recipeOf({ config, objective }, training.steps)
  const count = countRecipe(recipe, accounting, model.maxPositions)
  const predictsMasked = recipe.networks.some(({ outputs }) => outputs.some(({ at }) => at === 'masked'))
  const softmax =
    softmaxShare === 'slots'
      ? `A softmax at ${slots} of ${length} positions, the configuration's slots.`
      : `A softmax at ${maskedShare} of the positions, the paper's constant; the configuration has ${counted(slots, 'slot')} ` +
        `in ${length}, ${(slots / length).toPrecision(3)} (--softmax-share slots).`
  return pipe(
    TE.fromEither(executedStep({ config, objective })),
    TE.bimap(failedWith(showRunError), (executed) => {
      console.say(
        showFlops({
          name: `${config.name}: sequences of ${counted(length, 'token')}, ${counted(vocabSize, 'piece')}`,
          about: [lookupsOf(sparse), ...(predictsMasked ? [softmax] : [])],
          count,
          otherShare: otherShareOf(recipe, accounting),
          executed,
          remarks: []
        })
      )
      console.json({
        name: config.name,
        sequenceLength: length,
        vocabSize,
        ...count,
        executed: { ...executed, step: executedFlops(executed), run: executedFlops(executed) * training.steps }
      })
    })
  )
}

// ------------------------------------------------------------ published recipes

/** Counted with words looked up, or as the paper does; frameworks' counts are what they are. */
const countedAgain =
  (accounting: Accounting) =>
  (row: PublishedRow): PublishedRow & { readonly generatorShare?: number } =>
    row.recipe === undefined
      ? row
      : {
          ...row,
          flops: trainingFlops(row.recipe, accounting),
          ...(row.recipe.networks.some(({ role }) => role === 'generator')
            ? { generatorShare: generatorShare(row.recipe, accounting) }
            : {})
        }

const flopsOfRow = (row: PublishedRow, sparse: boolean, console: Console): void => {
  const { name, title, recipe, printed, remark } = row
  if (recipe === undefined) {
    console.say(showFrameworkCount(row))
    console.json({ name, title, run: row.flops, printed })
    return
  }
  const accounting = { ...published, sparseLookup: sparse }
  const count = countRecipe(recipe, accounting)
  const [{ positions, size }] = recipe.networks
  console.say(
    showFlops({
      name: `${name}, the paper's ${title}: sequences of ${counted(positions, 'token')}, ${counted(size.vocabSize, 'piece')}`,
      about: [lookupsOf(sparse)],
      count,
      otherShare: otherShareOf(recipe, accounting),
      remarks: [
        ...(printed === undefined ? [] : [`The paper prints ${printed}.`]),
        ...(remark === undefined ? [] : [remark])
      ]
    })
  )
  console.json({ name, title, sequenceLength: positions, vocabSize: size.vocabSize, ...count, printed })
}

const flopsOfPaper = (sparse: boolean, console: Console): void => {
  const rows = publishedRows.map(countedAgain({ ...published, sparseLookup: sparse }))
  console.say([...wrapped(lookupsOf(sparse)), '', ...showPublished(rows)].join('\n'))
  for (const { name, title, flops: run, printed, generatorShare: share } of rows)
    console.json({ name, title, run, printed, generatorShare: share })
}

// ----------------------------------------------------------------- the command

const rowNamed = (name: string): PublishedRow | undefined => publishedRows.find((row) => row.name === name)

const publishedNames = publishedRows.map(({ name }) => name).join(', ')

const flopsOf = (source: string, options: FlopsOptions, console: Console): TE.TaskEither<Failure, void> => {
  const row = rowNamed(source)
  if (row !== undefined) return TE.fromIO(() => flopsOfRow(row, options.sparse, console))
  return pipe(
    loadConfig(source, options.set, `. Published recipes are ${publishedNames}`),
    TE.chain((config) => flopsOfConfig(config, options, console))
  )
}

/** What was asked for, or why it is nothing that can be counted. */
const asked = (sources: ReadonlyArray<string>, options: FlopsOptions): E.Either<Failure, ReadonlyArray<string>> => {
  if (sources.length === 0 && !options.paper)
    return E.left(
      wrongUsage(`nothing to count: name a configuration or a published recipe (${publishedNames}), or give --paper`)
    )
  const given = (['set', 'vocabSize', 'softmaxShare'] as const).find((key) => options[key] !== undefined)
  if (given !== undefined && sources.every((source) => rowNamed(source) !== undefined))
    return E.left(
      wrongUsage(
        `--${given.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}: found published recipes only, which are as they are; expected a configuration`
      )
    )
  return E.right(sources)
}

export const flops = (sources: ReadonlyArray<string>, options: FlopsOptions, console: Console): Command =>
  pipe(
    TE.fromEither(asked(sources, options)),
    TE.chain(
      TE.traverseSeqArray((source) =>
        pipe(
          TE.fromIO(() => {
            if (source !== sources[0]) console.say('')
          }),
          TE.chain(() => flopsOf(source, options, console))
        )
      )
    ),
    TE.map(() => {
      if (options.paper) {
        if (sources.length > 0) console.say('')
        flopsOfPaper(options.sparse, console)
      }
      return exitCodes.done
    })
  )

export const declareFlops = (root: Program): void => {
  root
    .command('flops')
    .description('the arithmetic of training: as the paper counts it, and as our programs carry it out')
    .argument('[config...]', `${configSource}, or a recipe that the paper compares (--paper lists them)`)
    .option('--paper', 'the recipes that the paper compares, beside the numbers that it prints', false)
    .option('--sparse', 'count words as looked up, not as products with one-hot vectors', false)
    .addOption(
      new Option(
        '--softmax-share <which>',
        "positions with a softmax: the paper's 0.15625, or the configuration's slots by its length (default: published)"
      ).choices(softmaxShares)
    )
    .option(
      '--vocab-size <n>',
      `pieces of the vocabulary, which a corpus decides (default: ${publishedPieces})`,
      pieces
    )
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'flops small',
        'flops tiny --vocab-size 8192 --softmax-share slots --set training.steps=5000',
        'flops electra_small bert_small --sparse',
        'flops --paper'
      )
    )
    .action((sources: ReadonlyArray<string>, options: FlopsOptions & WithJson) =>
      finish(options, (console) => flops(sources, options, console))
    )
}
