/** What `finetune` is asked for, and how its options are written. */

import { Command as Program, Option } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { reasonOf } from '../../../tensor/reason.js'
import type { HeadKind } from '../../store/models/hf-task-config.js'
import type { Recipe, RecipeChanges } from '../../tasks/recipe.js'
import { tasks } from '../../tasks/table.js'
import {
  adapterOption,
  amountFromZero,
  deviceOption,
  factor,
  jsonOption,
  keptOption,
  matmulOption,
  positive,
  relaxedSimdOption,
  seedOption,
  share
} from '../arguments.js'
import { examples } from '../finish.js'
import type { AskedExecution } from '../run-command.js'

export type FinetuneOptions = AskedExecution &
  Omit<RecipeChanges, 'layerDecayExponent'> & {
    readonly task: string
    readonly model: string
    readonly data?: string
    readonly out: string
    readonly trials: number
    readonly seed: number
    readonly checkpoint: 'last' | 'best'
    readonly head: HeadKind
    readonly dev?: string
    readonly limit?: number
    readonly fromScratch: boolean
    readonly resume: boolean
    readonly allowOtherBits: boolean
    readonly layerDecayExponent?: Recipe['layerDecayExponent']
    readonly train?: string
    readonly test?: string
    readonly textA?: string
    readonly textB?: string
    readonly label?: string
    readonly regression: boolean
  }

/** What is learnt, from what, how often. */
const withTask = (command: Program): Program =>
  command
    .requiredOption('--task <name>', `${tasks.map(({ name }) => name).join(', ')}; or sentence, a table of your own`)
    .requiredOption('--model <dir>', 'a finished run, a Hugging Face ELECTRA directory, or a model fine-tuned before')
    .option('--data <dir>', "the directory of the task's files")
    .requiredOption('--out <dir>', 'where trial-1, trial-2, ... and results.json go')
    .option('--trials <n>', 'how many, each with a seed of its own, from --seed on', positive, 1)
    .addOption(seedOption())
    .addOption(
      new Option('--checkpoint <which>', 'what is judged: the last state, or that of the least loss on dev')
        .choices(['last', 'best'])
        .default('last')
    )
    .addOption(
      new Option(
        '--head <kind>',
        "the published code's head, or that of transformers' class, whose models transformers reads whole"
      )
        .choices(['official', 'huggingface'])
        .default('official')
    )
    .option('--from-scratch', 'draw all weights: the architecture and tokeniser of --model alone', false)
    .option('--dev <name|file>', 'the split in place of dev, as in_domain_dev; with --task sentence its file')
    .option('--limit <n>', 'train on so many examples, the same for every seed', positive)

/** Numbers of the recipe. */
const withRecipe = (command: Program): Program =>
  command
    .option('--learning-rate <x>', "(default: the published recipe's for the size)", factor)
    .option('--epochs <x>', "(default: the task's)", factor)
    .option('--batch-size <n>', '(default: 32)', positive)
    .option('--sequence-length <n>', "(default: the task's)", positive)
    .option('--layer-decay <x>', '(default: 0.8; large 0.9); 0 for none', amountFromZero)
    .addOption(new Option('--layer-decay-exponent <kind>', '(default: "official")').choices(['official', 'plain']))
    .option('--weight-decay <x>', '(default: 0.01)', amountFromZero)
    .option('--dropout <x>', '(default: as the encoder was pre-trained)', share)

/** A task in tables of one's own. */
const withTable = (command: Program): Program =>
  command
    .option('--train <file>', 'with --task sentence: a .tsv, .csv or .jsonl file')
    .option('--test <file>', 'with --task sentence: texts to predict')
    .option('--text-a <column>', 'with --task sentence: the text, by its name or place')
    .option('--text-b <column>', 'with --task sentence: the second text')
    .option('--label <column>', 'with --task sentence: the class, or the number')
    .option('--regression', 'with --task sentence: labels are numbers', false)

/** How it is carried out. */
const withExecution = (command: Program): Program =>
  command
    .option('--workers <n>', 'worker threads (default: 1)', positive)
    .addOption(keptOption(deviceOption()))
    .addOption(adapterOption())
    .addOption(keptOption(matmulOption()))
    .addOption(keptOption(relaxedSimdOption()))
    .option('--checkpoint-every <k>', 'steps between checkpoints, and evaluations on dev (default: an epoch)', positive)
    .option('--keep <n>', 'checkpoints to keep beside the best (default: 1)', positive)
    .option(
      '--resume',
      'go on in --out: finished trials are kept, the one that was stopped is continued, with the workers, device, multiplier and checkpoints that it had, where none are given',
      false
    )
    .option('--allow-other-bits', 'resume on another device or multiplier, though it rounds otherwise', false)
    .addOption(jsonOption())

/** Of the column of names, with its gap. */
const nameWidth = 2 + Math.max(...tasks.map(({ name }) => name.length))

const help = [
  `\nTasks:\n${tasks.map(({ name, about }) => `  ${name.padEnd(nameWidth)}${about}`).join('\n')}`,
  examples(
    'finetune --task rte --model runs/tiny --data RTE --out runs/rte --trials 5 --workers 2',
    'finetune --task sentence --train a.csv --dev b.csv --text-a text --label label --model runs/tiny --out runs/mine'
  ),
  '\nThe published results of STS-B and RTE start from a model fine-tuned on MNLI: give its directory as --model.',
  '\nSeveral processes make one run where mpirun, srun or another launcher of MPI starts them; the number of them divides the parts' +
    '\nof a batch: 4 where that is a multiple of 4, else 3 or 2.' +
    '\n  $ mpirun -n 2 --bind-to none pure-electra finetune --task rte --model runs/tiny --data RTE --out runs/rte --workers 4',
  '\nExit codes: 0 finished, 1 failed, 2 wrong usage, 130 interrupted with the state saved.'
].join('\n')

/** Declares all of them, with their help. */
export const finetuneOptions = (command: Program): Program =>
  withExecution(withTable(withRecipe(withTask(command)))).addHelpText('after', help)

/** What these arguments of `finetune` ask for, or what is wrong with them. */
export const readFinetuneOptions = (args: ReadonlyArray<string>): E.Either<string, FinetuneOptions> =>
  E.tryCatch(
    () =>
      finetuneOptions(new Program())
        .exitOverride()
        .configureOutput({ writeErr: () => undefined })
        .parse(args, { from: 'user' })
        .opts<FinetuneOptions>(),
    (thrown) => reasonOf(thrown).replace(/^error: /, '')
  )
