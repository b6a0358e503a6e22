#!/usr/bin/env node
/**
 * The command line: options in, one command run, an exit code out.
 */

import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { Command as Program, CommanderError, Option } from 'commander'
import { defaultVocabularySize } from '../data/corpus/builder.js'
import {
  deviceOption,
  factor,
  jsonOption,
  keptOption,
  matmulOption,
  pieces,
  positive,
  relaxedSimdOption,
  seedOption,
  setOption
} from './arguments.js'
import { asRank } from './as-rank.js'
import { showConfiguration, type ConfigOptions } from './commands/config.js'
import { corpusBuild, type CorpusBuildOptions } from './commands/corpus.js'
import { demo, type DemoOptions } from './commands/demo.js'
import { devices } from './commands/devices.js'
import { predict, type PredictOptions } from './commands/predict.js'
import { pretrain, type PretrainCommandOptions } from './commands/pretrain.js'
import { profile, type ProfileOptions } from './commands/profile.js'
import { verify, type VerifyOptions } from './commands/verify.js'
import { consoleOf, type Console } from './console.js'
import { leaveSignals } from './early.js'
import { endDespiteThreads } from './end.js'
import { exitCodes, type Command } from './outcome.js'
import { endUnexpectedly, mindTheUnexpected } from './unexpected.js'

const version = (): string => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

type WithJson = { readonly json: boolean }

/**
 * A reader that has left, such as `head`, is no failure: the command goes on without it. Output that could not be written
 * for another reason is one, told at the end.
 */
const mindReaders = (): void => {
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (cause: Error & { readonly code?: string }) => {
    if (cause.code === 'EPIPE') return
    process.stderr.write(`pure-electra: could not write standard output: ${cause.message}\n`)
    process.on('exit', () => {
      process.exitCode = exitCodes.failed
    })
  })
}

/** Runs a command, shows its failure, and sets the exit code; the process ends when nothing is left to do. */
const finish = async (options: WithJson, command: (console: Console) => Command): Promise<void> => {
  const console = consoleOf(options.json)()
  const ended = await command(console)()
  if (E.isRight(ended)) process.exitCode = ended.right
  else {
    console.note(`pure-electra: ${ended.left.message}`)
    process.exitCode = ended.left.exit
  }
}

const examples = (...lines: ReadonlyArray<string>): string =>
  `\nExamples:\n${lines.map((line) => `  $ pure-electra ${line}`).join('\n')}`

const program = (): Program => {
  const root = new Program('pure-electra')
    .description('Pre-trains ELECTRA, and looks at what it learnt.')
    .version(version())
    .showHelpAfterError('(add --help for the options)')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      examples(
        'demo',
        'corpus build --input books/ --out corpus',
        'pretrain --config tiny --corpus corpus --out runs/tiny',
        'predict --model runs/tiny "The researchers found that Tuesday can affect behavior."'
      )
    )
    .exitOverride()

  root
    .command('demo')
    .description(
      'build a corpus from the shipped text and pre-train the demo configuration on it (within five minutes on two cores)'
    )
    .option('--out <dir>', 'where the corpus and the runs go', 'runs/demo')
    .option('--workers <n>', 'worker threads (default: 2, or the number of cores if fewer)', positive)
    .addOption(seedOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('demo', 'demo --out /tmp/demo --workers 1'))
    .action((options: DemoOptions & WithJson) => finish(options, (console) => demo(options, console)))

  const corpus = root.command('corpus').description('text to encoded corpora')
  corpus.addHelpText('after', examples('corpus build --input books/ --out corpus', 'corpus build --help'))
  corpus
    .command('build')
    .description('encode text files into a corpus: one sentence or paragraph a line, a blank line between documents')
    .requiredOption(
      '--input <path...>',
      'text (.txt), JSON lines (.jsonl), either compressed (.gz); directories of them; - for standard input'
    )
    .requiredOption('--out <dir>', 'the directory to make; it must not exist')
    .addOption(
      new Option('--vocab <file>', 'a vocabulary to use: one piece a line, or a tokenizer.json').conflicts('vocabSize')
    )
    .addOption(
      new Option('--vocab-size <n>', 'pieces of the vocabulary to train')
        .argParser(positive)
        .default(defaultVocabularySize)
    )
    .addOption(
      new Option(
        '--limit-alphabet <n>',
        'most characters in a trained vocabulary; the rarest become [UNK] (default: all that fit)'
      )
        .argParser(positive)
        .conflicts('vocab')
    )
    .addOption(
      new Option(
        '--min-frequency <n>',
        'how often a character or a pair of pieces must occur to enter a trained vocabulary (default: 1 and 2)'
      )
        .argParser(positive)
        .conflicts('vocab')
    )
    .option('--cased', 'keep letter case and accents', false)
    .option('--keep-accents', 'lower-case, but keep accents', false)
    .option(
      '--field <name>',
      'the field of JSON lines with the text (default: text); given, files whose names do not say what they are count as JSON lines'
    )
    .option('--dedup', 'leave out documents that have been there before, to the letter', false)
    .option('--blank-lines-keep-documents', 'a blank line does not end a document; the end of a file does', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'corpus build --input books/ --out corpus',
        'corpus build --input text.txt --vocab vocab.txt --out corpus',
        'corpus build --input wiki.jsonl.gz --field article --dedup --out corpus'
      )
    )
    .action((options: CorpusBuildOptions & WithJson) => finish(options, (console) => corpusBuild(options, console)))

  root
    .command('pretrain')
    .description('pre-train a model on a corpus, or continue to')
    .option('--config <name|file>', 'a preset (small, base, large, tiny, demo, nano) or a JSON file', 'demo')
    .addOption(setOption())
    .requiredOption('--corpus <dir>', 'a corpus made by `corpus build`')
    .requiredOption('--out <dir>', "the run's directory: metrics, checkpoints, the trained model")
    .option('--steps <n>', "the schedule's total number of steps (default: the configuration's)", positive)
    .addOption(seedOption())
    .option('--workers <n>', 'worker threads (default: 1)', positive)
    .addOption(keptOption(deviceOption()))
    .addOption(keptOption(matmulOption()))
    .addOption(keptOption(relaxedSimdOption()))
    .option('--checkpoint-every <k>', "steps between checkpoints (default: the configuration's)", positive)
    .option('--keep <n>', "checkpoints to keep beside the best (default: the configuration's)", positive)
    .addOption(
      new Option(
        '--init <dir>',
        'start from the weights of a finished run or a Hugging Face ELECTRA directory; the schedule begins anew'
      ).conflicts('resume')
    )
    .option(
      '--resume',
      'continue from the last checkpoint in --out: with the workers, device, multiplier and checkpoints that it had, where none are given',
      false
    )
    .option('--allow-other-bits', 'resume on another device or multiplier, though it rounds otherwise', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'pretrain --config tiny --corpus corpus --out runs/tiny --steps 1000 --workers 2',
        'pretrain --config tiny --corpus corpus --out runs/tiny --steps 1000 --resume',
        'pretrain --config small --set optimizer.learningRate=1e-3 --corpus corpus --out runs/small',
        'pretrain --config small --set sequenceLength=512 --init runs/small --corpus corpus --out runs/small-512',
        'pretrain --config my.json --corpus corpus --out runs/mine --matmul gpu.js'
      ) +
        '\n\nSeveral processes make one run where mpirun, srun or another launcher of MPI starts them; the number of them divides' +
        "\nthe configuration's shards, and each has its own --workers:" +
        '\n  $ mpirun -n 2 --bind-to none pure-electra pretrain --config tiny --corpus corpus --out runs/tiny --workers 4' +
        '\n\nExit codes: 0 finished, 1 failed, 2 wrong usage, 130 interrupted with the state saved.'
    )
    .action((options: PretrainCommandOptions & WithJson) =>
      finish(options, (console) => asRank(console, (ranks, speaking) => pretrain(options, speaking, ranks)))
    )

  root
    .command('config')
    .description('print a configuration with every value, what each means and accepts')
    .argument('<name|file>', 'a preset (small, base, large, tiny, demo, nano) or a JSON file')
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'config small',
        'config tiny --set optimizer.learningRate=1e-3 --set training.steps=5000 --json > my.json'
      )
    )
    .action((source: string, options: ConfigOptions & WithJson) =>
      finish(options, (console) => showConfiguration(source, options, console))
    )

  root
    .command('verify')
    .description('recompute the training step of a golden file and compare every number')
    .requiredOption('--fixture <file>', 'a golden file (.safetensors)')
    .addOption(deviceOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .option('--float64', 'in double precision, on the reference device', false)
    .addOption(jsonOption())
    .addHelpText('after', examples('verify --fixture test/fixtures/electra_a.safetensors --float64'))
    .action((options: VerifyOptions & WithJson) => finish(options, (console) => verify(options, console)))

  root
    .command('predict')
    .description('mark the tokens of sentences that look replaced')
    .argument('<sentence...>', 'sentences, each in quotes')
    .requiredOption('--model <dir>', "a run's directory, or a Hugging Face ELECTRA discriminator")
    .option('--mark <n>', 'mark tokens at least this many times as suspicious as the base rate', factor, 2)
    .addOption(deviceOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('predict --model runs/demo/run-1 "The researchers found that Tuesday can affect behavior."')
    )
    .action((sentences: ReadonlyArray<string>, options: PredictOptions & WithJson) =>
      finish(options, (console) => predict(sentences, options, console))
    )

  root
    .command('profile')
    .description('where the time of a training step goes, kernel by kernel, beside what this machine can do')
    .option('--config <name|file>', 'a preset (small, base, large, tiny, demo, nano) or a JSON file', 'demo')
    .addOption(setOption())
    .option('--batch <n>', "examples in the shard (default: the configuration's batch by its shards)", positive)
    .option('--corpus <dir>', 'a corpus to take the shard from (default: tokens drawn at random)')
    .option('--vocab-size <n>', "pieces of the vocabulary (default: the corpus's, or 30522)", pieces)
    .addOption(new Option('--rounds <n>', 'times that the step is run').argParser(positive).default(7))
    .addOption(new Option('--limit <rows>', 'kernels shown of each program').argParser(positive).default(20))
    .option('--explain', 'say of each kernel what it computes and who runs it, and run nothing', false)
    .addOption(seedOption())
    .addOption(deviceOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'profile --config small --batch 8',
        'profile --config tiny --corpus corpus --matmul own --relaxed-simd',
        'profile --config tiny --explain'
      )
    )
    .action((options: ProfileOptions & WithJson) => finish(options, (console) => profile(options, console)))

  root
    .command('devices')
    .description('what this machine can run programs and multiply matrices on, and by which MPI it can reach others')
    .addOption(jsonOption())
    .addHelpText('after', examples('devices', 'devices --json'))
    .action((options: WithJson) => finish(options, devices))

  return root
}

mindReaders()
endDespiteThreads()
mindTheUnexpected(version())()
leaveSignals()
try {
  await program().parseAsync()
} catch (thrown) {
  // Commander has said what is wrong; asking for help or the version is no mistake.
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage
  else endUnexpectedly(thrown, version())
}
