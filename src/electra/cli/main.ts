#!/usr/bin/env node
/**
 * The command line: options in, one command run, an exit code out.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { Command as Program, CommanderError } from 'commander'
import { declareConfig } from './commands/config.js'
import { declareCorpus } from './commands/corpus.js'
import { declareDemo } from './commands/demo.js'
import { declareDevices } from './commands/devices.js'
import { declareExperiment } from './commands/experiment.js'
import { declareFinetune } from './commands/finetune.js'
import { declareFlops } from './commands/flops.js'
import { declarePredict } from './commands/predict.js'
import { declarePretrain } from './commands/pretrain.js'
import { declareProfile } from './commands/profile.js'
import { declareReport } from './commands/report.js'
import { declareRerank } from './commands/rerank.js'
import { declareScore } from './commands/score.js'
import { declareVerify } from './commands/verify.js'
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

/** In the order in which help lists them. */
const declarations = [
  declareDemo,
  declareCorpus,
  declarePretrain,
  declareFinetune,
  declareExperiment,
  declareReport,
  declareConfig,
  declareVerify,
  declarePredict,
  declareScore,
  declareRerank,
  declareProfile,
  declareFlops,
  declareDevices
]

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
  for (const declare of declarations) declare(root)
  return root
}

ignoreClosedPipes()
endDespiteThreads()
reportUnexpected(version())()
// A signal that came while the modules were loading is heard when the loop turns, of which one turn is not enough.
await turn()
await turn()
ignoreEarlySignals()
endWithParent()
try {
  await program().parseAsync()
} catch (thrown) {
  // Commander has said what is wrong; asking for help or the version is no mistake.
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage
  else endUnexpectedly(thrown, version())
}
