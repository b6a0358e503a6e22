/** `pure-electra profile`: where the time of a training step goes. */

import { Option, type Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { explain, halvesIn } from '../../../tensor/program/explain.js'
import type { Device } from '../../../tensor/index.js'
import type { Precision } from '../../../tensor/run/choose.js'
import { openCorpus } from '../../data/corpus/corpus.js'
import { showCorpusError } from '../../data/corpus-error.js'
import { profile as measure, type ProfileSettings } from '../../profile/profile.js'
import { loadStep, plannedBytes } from '../../profile/step.js'
import type { Console } from '../console.js'
import { withDevice, type DeviceOptions } from '../device.js'
import { loadConfig } from '../load-config.js'
import { expectHalfPrecision } from '../run-command.js'
import { exitCodes, failedWith, wrongUsage, type Command, type Failure } from '../outcome.js'
import { programTitles, showMemory, showProfile } from '../profile-table.js'
import { showRunError } from '../show-error.js'
import {
  adapterOption,
  configSource,
  deviceOption,
  jsonOption,
  matmulOption,
  pieces,
  positive,
  precisionOption,
  relaxedSimdOption,
  seedOption,
  setOption
} from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'

export type ProfileOptions = DeviceOptions & {
  readonly precision: Precision
  readonly config: string
  /** Values laid over it, as `optimizer.learningRate=1e-3`. */
  readonly set?: ReadonlyArray<string>
  /** Examples in the shard. */
  readonly batch?: number
  readonly corpus?: string
  readonly vocabSize?: number
  readonly rounds: number
  /** Rows of kernels shown of each program. */
  readonly limit: number
  readonly explain: boolean
  readonly seed: number
}

/** Pieces of the published vocabulary. */
const publishedPieces = 30_522

const settingsOf = (options: ProfileOptions): TE.TaskEither<Failure, ProfileSettings> =>
  pipe(
    loadConfig(options.config, options.set),
    TE.bindTo('config'),
    TE.bind('corpus', () =>
      options.corpus === undefined
        ? TE.right(undefined)
        : pipe(openCorpus(options.corpus), TE.mapLeft(failedWith(showCorpusError)))
    ),
    TE.map(({ config, corpus }) => ({
      config,
      corpus,
      vocabSize: options.vocabSize ?? corpus?.vocabulary.pieces.length ?? publishedPieces,
      examples: options.batch ?? config.batchSize / config.shards,
      rounds: options.rounds,
      precision: options.precision,
      seed: options.seed
    })),
    TE.filterOrElse(
      ({ corpus, vocabSize }) => corpus === undefined || corpus.vocabulary.pieces.length <= vocabSize,
      ({ corpus, vocabSize }) =>
        wrongUsage(
          `--vocab-size: found ${vocabSize}, expected the corpus's ${corpus?.vocabulary.pieces.length} at least`
        )
    )
  )

/** One text a kernel, as what is indented belongs to the line before it, and the last: what runs outside compiled code. */
const partsOf = (text: string): { readonly kernels: ReadonlyArray<string>; readonly outside: string | undefined } => {
  const parts = text.split(/\n(?! )/)
  return { kernels: parts.slice(0, -1), outside: parts.at(-1) }
}

/** How to read the kernels. */
const legend =
  "`1.*: a, b` are inputs, by their paths 1.a and 1.b in the step's arguments; b7 is a result.\n" +
  'A name alone is its element where the loop stands, b7[i] the one at i, and b7[i] += 1 adds to that.\n'

const explainStep = (device: Device, settings: ProfileSettings, console: Console): TE.TaskEither<Failure, void> =>
  pipe(
    loadStep(device, settings),
    TE.bimap(failedWith(showRunError), (step) => {
      const programs = [step.shardGrad, step.update].map(({ name, executable }) => ({
        name,
        text: explain(executable),
        launches: executable.launches,
        halves: halvesIn(executable),
        workingBytes: executable.workingBytes
      }))
      const planned = plannedBytes(device, step)
      step.release()
      if (step.shardGrad.executable.kernels !== undefined) console.say(legend)
      for (const { name, text } of programs) console.say(`# ${programTitles[name]}\n${text}`)
      console.say(`\n${showMemory(planned, programs).join('\n')}`)
      console.json({
        programs: programs.map(({ text, ...program }) => ({ ...program, ...partsOf(text) })),
        plannedBytes: planned
      })
    })
  )

export const profile = (options: ProfileOptions, console: Console): Command =>
  pipe(
    TE.fromEither(expectHalfPrecision(options)),
    TE.chain(() => settingsOf(options)),
    TE.chain((settings) =>
      withDevice(options)((device) => {
        if (options.explain) return explainStep(device, settings, console)
        const { config, vocabSize, examples, rounds, corpus } = settings
        const subject = {
          config: config.name,
          examples,
          sequenceLength: config.sequenceLength,
          vocabSize,
          tokens: corpus === undefined ? 'drawn at random' : corpus.directory,
          device: device.name,
          multiplier: device.multiplier,
          relaxedSimd: options.relaxedSimd,
          precision: options.precision,
          rounds
        }
        return pipe(
          measure(device, settings),
          TE.bimap(failedWith(showRunError), (profiled) => {
            console.say(showProfile(subject, profiled, options.limit))
            console.json({ ...subject, ...profiled })
          })
        )
      })
    ),
    TE.map(() => exitCodes.done)
  )

export const declareProfile = (root: Program): void => {
  root
    .command('profile')
    .description('where the time of a training step goes, kernel by kernel, beside what this machine can do')
    .option('--config <name|file>', configSource, 'demo')
    .addOption(setOption())
    .option('--batch <n>', "examples in the shard (default: the configuration's batch by its shards)", positive)
    .option('--corpus <dir>', 'a corpus to take the shard from (default: tokens drawn at random)')
    .option('--vocab-size <n>', "pieces of the vocabulary (default: the corpus's, or 30522)", pieces)
    .addOption(new Option('--rounds <n>', 'times that the step is run').argParser(positive).default(7))
    .addOption(new Option('--limit <rows>', 'kernels shown of each program').argParser(positive).default(20))
    .option('--explain', 'say of each kernel what it computes and who runs it, and run nothing', false)
    .addOption(seedOption())
    .addOption(deviceOption())
    .addOption(adapterOption())
    .addOption(precisionOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'profile --config small --batch 8',
        'profile --config tiny --corpus corpus --matmul own --relaxed-simd',
        'profile --config tiny --explain',
        'profile --config tiny --explain --device webgpu --precision mixed'
      )
    )
    .action((options: ProfileOptions & WithJson) => finish(options, (console) => profile(options, console)))
}
