/** `pure-electra experiment`: ways to pre-train compared, by as many processes at a time as there are cores. */

import { rm, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { Argument, type Command as Program } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { flow, pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { experimentNames } from '../../experiment/presets.js'
import type { ExperimentResults } from '../../report/experiment/results.js'
import { attempt, makeDirectories } from '../../store/files/files.js'
import { lockDirectory } from '../../store/files/lock.js'
import { adapterOption, deviceOption, jsonOption, keptOption, matmulOption, positive } from '../arguments.js'
import type { Console } from '../console.js'
import { carryOut, type CarriedOut } from '../experiment/carry-out.js'
import { claimed } from '../experiment/claim.js'
import { collected, type When } from '../experiment/collect.js'
import { inputsOf, type Inputs } from '../experiment/inputs.js'
import type { Execution } from '../experiment/job-arguments.js'
import { jobProcesses } from '../experiment/job-processes.js'
import { placesIn, type Places } from '../experiment/places.js'
import { publish } from '../experiment/publish.js'
import { resolved, type Resolved } from '../experiment/resolve.js'
import { stored } from '../stored.js'
import { watching } from '../experiment/watching.js'
import { examples, finish, type WithJson } from '../finish.js'
import { exitCodes, failed, type Command, type ExitCode, type Failure } from '../outcome.js'
import { buildSampleCorpus, writeSampleTask } from '../shipped-text.js'
import { interrupts } from '../signals.js'
import { codeOf, systemReasonOf } from '../../system-error.js'
import { version } from '../version.js'

export type ExperimentOptions = Execution & {
  readonly out: string
  readonly corpus?: string
  readonly data?: string
  readonly jobs?: number
  readonly resume: boolean
  readonly retryFailed: boolean
}

/** What is known of it when it goes on. Its declaration is written once, when it begins. */
const whenBegun = ({ declaration }: Places): T.Task<When> =>
  pipe(
    TE.tryCatch(
      () => stat(declaration),
      () => undefined
    ),
    TE.match(
      () => new Date(),
      ({ mtime }) => mtime
    ),
    T.map((begun) => ({
      command: `pure-electra ${process.argv.slice(2).join(' ')}`,
      startedAt: begun.toISOString(),
      version: version()
    }))
  )

/** Its jobs, as many as are not done before it is interrupted, and the report of what is there then. */
const carriedOut = (
  { declaration, arms }: Resolved,
  places: Places,
  options: ExperimentOptions,
  console: Console
): TE.TaskEither<Failure, CarriedOut> => {
  // Processes share a GPU badly.
  const { jobs = options.device === 'webgpu' ? 1 : availableParallelism() } = options
  const processes = jobProcesses(declaration, places, options)
  const watch = watching(declaration, jobs, processes.running, console)
  const signals = interrupts(console, () => {
    watch.stop()
    processes.interrupt()
  })()
  const { isInterrupted } = signals
  const command = pipe(
    TE.tryCatch(
      () => carryOut(declaration, arms, processes, { jobs, isInterrupted, observe: watch.observe }).finally(watch.stop),
      (cause): Failure => {
        // What the machine has not refused is a fault of ours.
        if (codeOf(cause) === undefined) throw cause
        return failed(`${options.out}: could not go on: ${systemReasonOf(cause)}; --resume does`)
      }
    ),
    TE.chainFirst((done) =>
      pipe(
        TE.fromTask<When, Failure>(whenBegun(places)),
        TE.chain((when) =>
          TE.fromTask<ExperimentResults, Failure>(collected({ declaration, arms, ...done }, places, when))
        ),
        TE.chain((results) => publish(results, places))
      )
    )
  )
  return () => command().finally(signals.release)
}

const ending =
  ({ html, markdown, results }: Places, console: Console) =>
  ({ isComplete, outcomes }: CarriedOut): E.Either<Failure, ExitCode> => {
    if (!isComplete) {
      console.say('Interrupted: --resume goes on.')
      console.json({ isComplete, html, markdown, results })
      return E.right(exitCodes.interrupted)
    }
    if ([...outcomes.values()].every(({ _tag }) => _tag === 'Failed'))
      return E.left(failed(`every job failed; why is in ${results}`))
    console.say([html, markdown, results].join('\n'))
    console.json({ isComplete, html, markdown, results })
    return E.right(exitCodes.done)
  }

/** What has to be there before the first job. */
const prepared = (
  { declaration, samples }: Resolved,
  places: Places,
  { retryFailed }: ExperimentOptions,
  console: Console
): TE.TaskEither<Failure, void> =>
  pipe(
    samples.length > 0
      ? pipe(
          buildSampleCorpus(declaration.corpus, console),
          TE.chain(() => writeSampleTask(places.sample))
        )
      : TE.right(undefined),
    TE.chain(() =>
      retryFailed
        ? stored(attempt('remove it', places.failures, () => rm(places.failures, { recursive: true, force: true })))
        : TE.right(undefined)
    ),
    TE.chain(() => pipe(places.directories, TE.traverseSeqArray(flow(makeDirectories, stored)))),
    TE.map(() => undefined)
  )

export const experiment = (source: string, options: ExperimentOptions, console: Console): Command => {
  const { out } = options
  const places = placesIn(out)
  const locked = (its: Resolved, inputs: Inputs): TE.TaskEither<Failure, CarriedOut> =>
    pipe(
      claimed(its.declaration, inputs, places, options),
      TE.chainFirst(() => prepared(its, places, options, console)),
      TE.chain((execution) => carriedOut(its, places, { ...options, ...execution }, console))
    )
  return pipe(
    resolved({ experiment: source, ...options }, out),
    TE.bindTo('its'),
    TE.bind('inputs', ({ its }) => inputsOf(its, options)),
    TE.bind('lock', () => stored(lockDirectory(out))),
    TE.chain(
      ({ its, inputs, lock }) =>
        () =>
          locked(its, inputs)().finally(lock.release)
    ),
    TE.chainEitherK(ending(places, console))
  )
}

export const declareExperiment = (root: Program): void => {
  root
    .command('experiment')
    .description('compare ways to pre-train: rates chosen, every seed trained, fine-tuned on tasks, and reported')
    .addArgument(new Argument('<name|file>', `one of ${experimentNames.join(', ')}; or a declaration, a JSON file`))
    .requiredOption('--out <dir>', 'where runs, trials, logs, results and reports go')
    .option('--corpus <dir>', 'in place of the corpus of the declaration')
    .option('--data <dir>', "where the tasks' directories are (default: beside the declaration)")
    .option('--jobs <n>', 'processes at a time (default: the number of cores; with --device webgpu 1)', positive)
    .addOption(keptOption(deviceOption()))
    .addOption(adapterOption())
    .addOption(keptOption(matmulOption()))
    .option('--resume', 'go on in --out', false)
    .option('--retry-failed', 'run again what has failed: else failures are results and stay', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('experiment minutes --out runs/minutes', 'experiment my.json --data tasks --out runs/mine --resume')
    )
    .action((source: string, options: ExperimentOptions & WithJson) =>
      finish(options, (console) => experiment(source, options, console))
    )
}
