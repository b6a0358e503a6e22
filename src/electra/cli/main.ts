#!/usr/bin/env node
/**
 * The command line: options in, one command run, an exit code out.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { Command as Program, CommanderError } from 'commander'
import { ignoreEarlySignals } from './early.js'
import { endDespiteThreads } from './end.js'
import { examples } from './finish.js'
import { exitCodes } from './outcome.js'
import { endUnexpectedly, reportUnexpected } from './unexpected.js'
import { version } from './version.js'
import { endWithParent } from './with-parent.js'

/**
 * A reader that has left, such as `head`, is no failure: the command goes on without it. Output that could not be written
 * for another reason is one, told at the end.
 */
const ignoreClosedPipes = (): void => {
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (cause: Error & { readonly code?: string }) => {
    if (cause.code === 'EPIPE') return
    process.stderr.write(`pure-electra: could not write standard output: ${cause.message}\n`)
    process.on('exit', () => {
      process.exitCode = exitCodes.failed
    })
  })
}

type Declare = (root: Program) => void

/** In the order in which help lists them. One is loaded when it is asked for: to load all takes longer than many a command does. */
const commands: Readonly<Record<string, () => Promise<Declare>>> = {
  demo: async () => (await import('./commands/demo.js')).declareDemo,
  corpus: async () => (await import('./commands/corpus.js')).declareCorpus,
  pretrain: async () => (await import('./commands/pretrain.js')).declarePretrain,
  finetune: async () => (await import('./commands/finetune.js')).declareFinetune,
  experiment: async () => (await import('./commands/experiment.js')).declareExperiment,
  report: async () => (await import('./commands/report.js')).declareReport,
  config: async () => (await import('./commands/config.js')).declareConfig,
  verify: async () => (await import('./commands/verify.js')).declareVerify,
  predict: async () => (await import('./commands/predict.js')).declarePredict,
  score: async () => (await import('./commands/score.js')).declareScore,
  rerank: async () => (await import('./commands/rerank.js')).declareRerank,
  profile: async () => (await import('./commands/profile.js')).declareProfile,
  flops: async () => (await import('./commands/flops.js')).declareFlops,
  devices: async () => (await import('./commands/devices.js')).declareDevices
}

/** Of the command that is named, or of all, for help with them and for what is no command. */
const declarations = (named: string | undefined): Promise<ReadonlyArray<Declare>> =>
  Promise.all(
    named !== undefined && Object.hasOwn(commands, named)
      ? [commands[named]()]
      : Object.values(commands).map((load) => load())
  )

const program = (declared: ReadonlyArray<Declare>): Program => {
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
  for (const declare of declared) declare(root)
  return root
}

const declared = await declarations(process.argv[2])
ignoreClosedPipes()
endDespiteThreads()
reportUnexpected(version())()
// A signal that came while the modules were loading is heard when the loop turns, of which one turn is not enough.
await turn()
await turn()
ignoreEarlySignals()
endWithParent()
try {
  await program(declared).parseAsync()
} catch (thrown) {
  // Commander has said what is wrong; asking for help or the version is no mistake.
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage
  else endUnexpectedly(thrown, version())
}
