/** `pure-electra experiment`: ways to pre-train compared, by as many processes at a time as there are cores. */

import { availableParallelism } from 'node:os'
import { rm } from 'node:fs/promises'
import { Argument, type Command as Program } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Job } from '../../experiment/plan.js'
import { experimentNames } from '../../experiment/presets.js'
import { showStoreError } from '../../store/errors.js'
import { exists, makeDirectories, readText, writeFileWhole } from '../../store/files/files.js'
import { lockDirectory } from '../../store/files/lock.js'
import type { Console } from '../console.js'
import { carryOut, type JobEnd, type Worker } from '../experiment/carry-out.js'
import { experimentReport } from '../../report/experiment/report.js'
import { htmlOf } from '../../report/pages/html.js'
import { markdownOf } from '../../report/pages/markdown.js'
import { collect, type Collected, type When } from '../experiment/collect.js'
import { isBegun, outcomeOf } from '../experiment/found.js'
import { held } from '../experiment/held.js'
import { argumentsOf, type Execution } from '../experiment/job-arguments.js'
import { placesIn, type Places } from '../experiment/places.js'
import { start, type Running } from '../experiment/processes.js'
import { resolved, type Resolved } from '../experiment/resolve.js'
import { watching } from '../experiment/watching.js'
import { exitCodes, failed, failedWith, wrongUsage, type Command, type ExitCode, type Failure } from '../outcome.js'
import { buildSampleCorpus, writeSampleTask } from '../shipped-text.js'
import { interrupts } from '../signals.js'
import { version } from '../version.js'
import { adapterOption, deviceOption, jsonOption, keptOption, matmulOption, positive } from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'

export type ExperimentOptions = Execution & {
  readonly out: string
  readonly corpus?: string
  readonly data?: string
  readonly jobs?: number
  readonly resume: boolean
  readonly retryFailed: boolean
}

const store = <A>(task: TE.TaskEither<Parameters<typeof showStoreError>[0], A>): TE.TaskEither<Failure, A> =>
  pipe(task, TE.mapLeft(failedWith(showStoreError)))

const textOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** The directory holds this experiment, or none. */
const claimed = (
  { declaration }: Resolved,
  places: Places,
  { out, resume }: ExperimentOptions
): TE.TaskEither<Failure, void> =>
  pipe(
    TE.fromTask<boolean, Failure>(TE.toUnion(exists(places.declaration))),
    TE.chain((there) => {
      if (!there)
        return pipe(
          store(makeDirectories(out)),
          TE.chain(() => store(writeFileWhole(places.declaration, textOf(declaration))))
        )
      if (!resume)
        return TE.left(wrongUsage(`--out ${out}: found an experiment there, expected none; --resume goes on with it`))
      return pipe(
        store(readText(places.declaration)),
        TE.filterOrElse(
          (text) => text === textOf(declaration),
          () =>
            failed(
              `--out ${out}: found another experiment there than the one declared (${places.declaration}): ` +
                'give the one it was begun with, or another --out'
            )
        ),
        TE.map(() => undefined)
      )
    })
  )

/** How often a job is begun again that something outside has ended. */
const mostKilled = 2

const workerFor = (
  { declaration }: Resolved,
  places: Places,
  execution: Execution,
  running: Map<string, { readonly job: Job; readonly process: Running }>,
  isInterrupted: () => boolean
): Worker => {
  const once = async (job: Job): Promise<JobEnd | { readonly _tag: 'Killed'; readonly signal: string }> => {
    const lock = await held(places.lock(job.id), isInterrupted)
    if (lock === undefined) return { _tag: 'Interrupted' }
    const args = argumentsOf(declaration, places, execution, job, await isBegun(places, job)())
    const process = start(args, places.log(job.id), lock.fd)
    running.set(job.id, { job, process })
    const ended = await process.ended
    await lock.close()
    running.delete(job.id)
    if (ended._tag !== 'Succeeded') return ended
    const outcome = await outcomeOf(declaration, places, job)()
    return O.isSome(outcome) ? outcome.value : { _tag: 'Failed', reason: 'it ended well, and left no results' }
  }
  const run = async (job: Job): Promise<JobEnd> => {
    for (let killed = 0; ; killed++) {
      const end = await once(job)
      if (end._tag !== 'Killed') return end
      if (killed === mostKilled) return { _tag: 'Failed', reason: `it was ended by ${end.signal} again and again` }
    }
  }
  return {
    known: (job) => outcomeOf(declaration, places, job)(),
    run: async (job) => {
      const end = await run(job)
      // What cannot be written is found again by a resume, at the price of the job.
      if (end._tag === 'Failed') await writeFileWhole(places.failure(job.id), textOf({ reason: end.reason }))()
      return end
    }
  }
}

/** `results.json`, and the reports that are made of it alone. */
const written = async (
  collected: Collected,
  places: Places,
  when: Omit<When, 'updatedAt'>
): Promise<E.Either<Failure, void>> => {
  const results = await collect(collected, places, { ...when, updatedAt: new Date().toISOString() })
  const document = experimentReport(results)
  const html = await htmlOf(document)()
  return pipe(
    [
      [places.results, textOf(results)],
      [places.markdown, markdownOf(document)],
      [places.html, html]
    ] as const,
    TE.traverseSeqArray(([path, text]) => store(writeFileWhole(path, text))),
    TE.map(() => undefined)
  )()
}

const ran = async (
  its: Resolved,
  places: Places,
  options: ExperimentOptions,
  console: Console
): Promise<E.Either<Failure, ExitCode>> => {
  const { declaration, arms } = its
  const { jobs = availableParallelism() } = options
  const signals = interrupts(console)()
  const running = new Map<string, { readonly job: Job; readonly process: Running }>()
  const when = {
    command: `pure-electra ${process.argv.slice(2).join(' ')}`,
    startedAt: new Date().toISOString(),
    version: version()
  }
  const watch = watching(declaration, jobs, running, console)
  let isPassedOn = false
  const passOn = setInterval(() => {
    if (!signals.isInterrupted() || isPassedOn) return
    isPassedOn = true
    running.forEach(({ process: { interrupt } }) => interrupt())
  }, 100)
  try {
    const done = await carryOut(declaration, arms, workerFor(its, places, options, running, signals.isInterrupted), {
      jobs,
      isInterrupted: signals.isInterrupted,
      observe: watch.observe
    })
    watch.stop()
    const kept = await written({ declaration, arms, ...done }, places, when)
    if (E.isLeft(kept)) return kept
    if (!done.isComplete) {
      console.say('Interrupted: --resume goes on.')
      return E.right(exitCodes.interrupted)
    }
    console.say([places.html, places.markdown, places.results].join('\n'))
    const isFruitless = [...done.outcomes.values()].every(({ _tag }) => _tag === 'Failed')
    return isFruitless ? E.left(failed(`every job failed; why is in ${places.results}`)) : E.right(exitCodes.done)
  } finally {
    clearInterval(passOn)
    watch.stop()
    signals.release()
  }
}

export const experiment = (source: string, options: ExperimentOptions, console: Console): Command => {
  const { out, retryFailed } = options
  const places = placesIn(out)
  return pipe(
    resolved({ experiment: source, ...options }, out),
    TE.chainFirst((its) => claimed(its, places, options)),
    TE.chainFirst(({ usesSample, declaration }) =>
      usesSample
        ? pipe(
            buildSampleCorpus(declaration.corpus, console),
            TE.chain(() => writeSampleTask(places.sample))
          )
        : TE.right(undefined)
    ),
    TE.chainFirstTaskK((): T.Task<void> => async () => {
      if (retryFailed) await rm(places.failures, { recursive: true, force: true })
    }),
    TE.chainFirst(() =>
      pipe(
        places.directories,
        TE.traverseSeqArray((directory) => store(makeDirectories(directory)))
      )
    ),
    TE.bindTo('its'),
    TE.bind('lock', () => store(lockDirectory(out))),
    TE.chain(
      ({ its, lock }) =>
        () =>
          ran(its, places, options, console).finally(lock.release)
    )
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
    .option('--jobs <n>', 'processes at a time (default: the number of cores)', positive)
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
