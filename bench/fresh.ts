/**
 * What has to be measured in a process that has done nothing before: `node fresh.mjs compile PRESET`, or
 * `node fresh.mjs memory PRESET WAY DIRECTORY`. Prints one line of JSON.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showDeviceError } from '../src/tensor/index.js'
import { showPretrainError } from '../src/electra/cli/show-error.js'
import { allowRelaxedSimd, deviceFor, ways, type Way } from './ours.js'
import { openText, programsOf, sessionOn, trained, type Trained } from './training.js'

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
        E.chain(({ step: { shardGrad, update } }) =>
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

/** Bytes that a run has of the device's memory, as planned, and bytes that the whole process had at most. */
const memory = (which: Trained, way: Way, directory: string): TE.TaskEither<string, unknown> =>
  pipe(
    TE.Do,
    TE.bind('corpus', () => openText(directory, which)),
    TE.bind('device', () => deviceFor(way)),
    TE.bind('session', ({ corpus, device }) => sessionOn(which, corpus)(device)),
    TE.chainFirst(({ session }) =>
      pipe(
        Array.from({ length: steps }, (_, n) => n),
        TE.traverseSeqArray(session.step),
        TE.mapLeft(showPretrainError)
      )
    ),
    TE.chainEitherK(({ device }) =>
      pipe(
        device.memory(),
        E.bimap(showDeviceError, ({ inUse }) => ({
          planned: inUse(),
          peak: process.resourceUsage().maxRSS * 1024
        }))
      )
    )
  )

const oneOf = <A extends string>(names: ReadonlyArray<A>, name: string | undefined): A => {
  const found = names.find((known) => known === name)
  if (found === undefined) throw new Error(`found ${name}, expected ${names.join(' or ')}`)
  return found
}

const asked = ([what, which, way, directory]: ReadonlyArray<string>): TE.TaskEither<string, unknown> =>
  oneOf(['compile', 'memory'], what) === 'compile'
    ? compile(oneOf(trained, which))
    : memory(oneOf(trained, which), oneOf(ways, way), directory)

allowRelaxedSimd()
console.log(
  JSON.stringify(
    pipe(
      await asked(process.argv.slice(2))(),
      E.getOrElse<string, unknown>((failed) => ({ failed }))
    )
  )
)
