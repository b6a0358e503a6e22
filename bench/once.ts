/**
 * What a run costs before its first step, and what it takes while it lasts: measured in fresh processes, one after another.
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { z } from 'zod'
import type { Measurement } from './measurement.js'
import { ways } from './ours.js'
import type { Peer } from './peers.js'
import { freshModule } from './places.js'
import type { Answer, Side } from './table.js'
import { peerSizes, trained } from './training.js'

const failedSchema = z.object({ failed: z.string() })

const inFreshProcess = <A>(schema: z.ZodType<A>, ...args: ReadonlyArray<string>): TaskEither<string, A> =>
  pipe(
    TE.tryCatch(
      () => promisify(execFile)(process.execPath, [freshModule, ...args]),
      (thrown) => String(thrown).split('\n')[0]
    ),
    TE.chainEitherK(({ stdout }) => {
      const answer: unknown = JSON.parse(stdout)
      const failed = failedSchema.safeParse(answer)
      return failed.success ? E.left(failed.data.failed) : E.right(schema.parse(answer))
    })
  )

/** The same asked so many times. */
const repeated = async <A>(times: number, task: TaskEither<string, A>): Promise<E.Either<string, ReadonlyArray<A>>> =>
  pipe(
    Array.from({ length: times }, () => task),
    TE.sequenceSeqArray
  )()

const side = (name: string, isOurs: boolean, values: Side['values'], threads = 1): Side => ({
  name,
  isOurs,
  threads,
  values
})

const compileSchema = z.object({ traced: z.number(), compiled: z.number() })

type Times = z.infer<typeof compileSchema>

const phases: ReadonlyArray<{ readonly name: string; readonly of: (times: Times) => number }> = [
  { name: 'trace and differentiate', of: ({ traced }) => traced },
  { name: 'fuse, plan, generate and compile', of: ({ compiled }) => compiled },
  { name: 'all', of: ({ traced, compiled }) => traced + compiled }
]

/** Seconds from a configuration to a step that can run. */
export const compiling: ReadonlyArray<Measurement> = trained.map((which) => ({
  subject: which,
  run: async ({ rounds }, observe) => {
    observe('in fresh processes')
    const found = await repeated(rounds, inFreshProcess(compileSchema, 'compile', which))
    const sides = phases.map(({ name, of }) =>
      side(name, true, E.map((all: ReadonlyArray<Times>) => all.map(of))(found))
    )
    return { answers: [{ question: { suite: 'compile', subject: `step of ${which}`, unit: 's' }, sides }], notes: [] }
  }
}))

const memorySchema = z.object({ planned: z.number(), peak: z.number() })

type Memory = z.infer<typeof memorySchema>

/** Steps that a peer takes before its memory is read: as many as ours. */
const peerSteps = 3

const peerPeak = (peer: Peer, sizes: unknown): TaskEither<string, number> =>
  pipe(
    TE.fromTask(peer.stop),
    TE.chain(() => peer.open(sizes)),
    TE.chain(() => peer.run(peerSteps)),
    TE.chain(() => peer.peakMemory),
    TE.chainFirstTaskK(() => peer.stop)
  )

/** What is trained, and by how many threads beside the process's own: by that one, where there are none. */
const trainings = [
  { which: 'small', workers: 0 },
  { which: 'tiny', workers: 0 },
  { which: 'pair', workers: 2 }
] as const

/** The most memory that a process which trains has had, beside what was planned, and beside a peer's. */
export const memories = (peer: Peer, directory: string): ReadonlyArray<Measurement> =>
  trainings.map(({ which, workers }) => ({
    subject: which,
    run: async (_, observe) => {
      observe(peer.name)
      const threads = Math.max(1, workers)
      const theirs = await peerPeak(peer, peerSizes(which, threads))()
      const subject = workers === 0 ? `training ${which}` : `training small, 2 shards of 8, ${workers} workers`
      const answers: Array<Answer> = []
      for (const way of ways) {
        observe(way)
        const found = await inFreshProcess(memorySchema, 'memory', which, way, directory, String(workers))()
        const inMegabytes = E.map((bytes: number) => [bytes / 1e6])
        answers.push({
          question: { suite: 'memory', subject: `${subject}, ${way}`, unit: 'MB' },
          sides: [
            side('process', true, inMegabytes(E.map(({ peak }: Memory) => peak)(found)), threads),
            side('planned', false, inMegabytes(E.map(({ planned }: Memory) => planned)(found)), threads),
            side(`${peer.name}'s process`, false, inMegabytes(theirs), threads)
          ]
        })
      }
      return { answers, notes: [] }
    }
  }))
