/** `pure-electra devices`: what this machine can run programs on, and by what it can reach others. */

import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { survey, type Surveyed } from '../../../tensor/run/choose.js'
import { describeMpi, showWorkerError, type Launch } from '../../../workers/index.js'
import type { Console } from '../console.js'
import { exitCodes, type Command } from '../outcome.js'

type Found = Omit<Surveyed, 'kind'> & { readonly kind: Surveyed['kind'] | 'ranks' }

/** The MPI that ranks started by a launcher of that kind would use. */
const surveyMpi = (kind: Launch['kind'], name: string): T.Task<Found> =>
  pipe(
    describeMpi(kind),
    TE.match(
      (e) => ({ available: false, detail: e._tag === 'MpiUnavailable' ? e.reason : showWorkerError(e) }),
      (detail) => ({ available: true, detail })
    ),
    T.map((found) => ({ kind: 'ranks', name, ...found }))
  )

const all: T.Task<ReadonlyArray<Found>> = async () => [
  ...(await survey()),
  await surveyMpi('Open MPI', 'openmpi')(),
  await surveyMpi('PMI', 'mpich')()
]

export const devices = (console: Console): Command =>
  pipe(
    TE.fromTask(all),
    TE.map((found) => {
      const width = Math.max(...found.map(({ name }) => name.length))
      for (const { kind, name, available, detail } of found)
        console.say(`${kind.padEnd(10)}  ${name.padEnd(width)}  ${available ? 'yes' : 'no '}  ${detail}`)
      console.json(found)
      return exitCodes.done
    })
  )
