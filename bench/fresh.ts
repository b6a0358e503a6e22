/**
 * What has to be measured in a process that has done nothing before: `node fresh.mjs compile PRESET`, or
 * `node fresh.mjs memory PRESET WAY DIRECTORY WORKERS`. Prints one line of JSON.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showDeviceError } from '../src/tensor/index.js'
import { acquirePool, inProcess, plannedBytes, showWorkerError, type Pool } from '../src/workers/index.js'
import { allowRelaxedSimd, choiceFor, deviceFor, ways, type Way } from './ours.js'
import { threadModule } from './places.js'
import { openText, programsOf, sessionOn, stepsOf, trained, type Trained } from './training.js'

/** Seconds from a configuration to programs, and from programs to code that can run. */
const compile = (which: Trained): TE.TaskEither<string, unknown> =>
  pipe(
    deviceFor('own'),
    TE.chainEitherK((device) => {
      const start = performance.now()
      const programs = programsOf(which)
      const traced = performance.now()
      return pipe(
        programs,
        E.chain(
          ({
            stages: [
              {
                step: { shardGrad, update }
              }
            ]
          }) =>
            pipe(
              E.traverseArray(device.load)([shardGrad.program, update.program]),
              E.bimap(showDeviceError, () => ({
                traced: (traced - start) / 1000,
                compiled: (performance.now() - traced) / 1000
              }))
            )
        )
      )
    })
  )

/** Steps after which a process has had all the memory that it will ever need. */
const steps = 3

/** This thread alone, or threads beside it. */
const poolFor = (way: Way, workers: number): TE.TaskEither<string, Pool> =>
  workers === 0
    ? pipe(deviceFor(way), TE.map(inProcess))
    : pipe(acquirePool({ workers, choice: choiceFor(way), entry: threadModule }), TE.mapLeft(showWorkerError))

/** Bytes of the arrays of a run, as planned before its first step, and bytes that the whole process had at most. */
const memory = (which: Trained, way: Way, directory: string, workers: number): TE.TaskEither<string, unknown> =>
  pipe(
    TE.Do,
    TE.bind('corpus', () => openText(directory, which)),
    TE.bind('pool', () => poolFor(way, workers)),
    TE.bind('session', ({ corpus, pool }) => sessionOn(which, corpus)(pool)),
    TE.let('planned', ({ session }) => plannedBytes(session.memory())),
    TE.chainFirst(({ session }) => {
      const { step } = stepsOf(session)
      return TE.sequenceSeqArray(Array.from({ length: steps }, () => step))
    }),
    TE.chain(({ planned, pool }) => {
      const peak = process.resourceUsage().maxRSS * 1024
      return pipe(
        TE.fromTask<void, string>(pool.release),
        TE.map(() => ({ planned, peak }))
      )
    })
  )

const oneOf = <A extends string>(names: ReadonlyArray<A>, name: string | undefined): A => {
  const found = names.find((known) => known === name)
  if (found === undefined) throw new Error(`found ${name}, expected ${names.join(' or ')}`)
  return found
}

const asked = ([what, which, way, directory, workers]: ReadonlyArray<string>): TE.TaskEither<string, unknown> =>
  oneOf(['compile', 'memory'], what) === 'compile'
    ? compile(oneOf(trained, which))
    : memory(oneOf(['small', 'tiny', 'pair'], which), oneOf(ways, way), directory, Number(workers))

allowRelaxedSimd()
console.log(
  JSON.stringify(
    pipe(
      await asked(process.argv.slice(2))(),
      E.getOrElse<string, unknown>((failed) => ({ failed }))
    )
  )
)
