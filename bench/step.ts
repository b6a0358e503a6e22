/**
 * How fast is a whole step of pre-training: masking, both networks forward and backward with dropout, clipping, the update?
 * And how much of it is not matrix products?
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Corpus } from '../src/electra/index.js'
import { flopsOf } from '../src/tensor/program/cost.js'
import { schedule } from '../src/tensor/program/schedule.js'
import { inProcess } from '../src/workers/index.js'
import { wasmLimits } from '../src/tensor/run/wasm/limits.js'
import { ratesOf, type Measurement } from './measurement.js'
import { deviceFor, unwatched, watchedBlas, ways, type Watched, type Way } from './ours.js'
import type { Peer } from './peers.js'
import { median, race, timedTask, type Contestant, type Finish, type Opened, type Timed } from './race.js'
import type { Side } from './table.js'
import {
  finite,
  openText,
  peerSizes,
  programsOf,
  sessionOn,
  stepsOf,
  tokensOf,
  trained,
  type Trained
} from './training.js'

/** One of ours, and the seconds that products by BLAS took in a step of each of its turns. */
type Entrant = { readonly contestant: Contestant; readonly products: ReadonlyArray<number> }

/** A session on a device that is acquired for it. */
const ours = (which: Trained, corpus: Corpus, name: Way): Entrant => {
  const turns: Array<number> = []
  const opened = ({ device, productSeconds }: Watched): TaskEither<string, Opened> =>
    pipe(
      sessionOn(which, corpus)(inProcess(device)),
      TE.map((session): Opened => {
        const { step, check } = stepsOf(session)
        const run: Timed = (repeats) => async () => {
          const before = productSeconds()
          const seconds = await timedTask(step)(repeats)()
          turns.push((productSeconds() - before) / repeats)
          return seconds
        }
        return { run, check, release: device.release }
      })
    )
  const watched = name === 'blas' ? watchedBlas : pipe(deviceFor(name), TE.map(unwatched))
  return {
    contestant: { name, isOurs: true, threads: 1, open: pipe(watched, TE.chain(opened)) },
    products: turns
  }
}

const byPeer =
  (which: Trained, { slow }: { readonly slow: boolean }) =>
  ({ peer, isSlow }: StepPeer): Contestant => ({
    name: peer.name,
    isOurs: false,
    threads: 1,
    open:
      isSlow && !slow
        ? TE.left('left out (--slow measures it)')
        : pipe(
            peer.open(peerSizes(which)),
            TE.map((detail) => ({
              detail,
              run: peer.run,
              check: pipe(
                peer.read([0]),
                TE.chainEitherK(([loss]) => finite(loss))
              ),
              // Trained models are not small.
              release: peer.stop
            }))
          )
  })

/** A library that trains ELECTRA too; a slow one only where slow ones are wanted. */
export type StepPeer = { readonly peer: Peer; readonly isSlow: boolean }

/** A step with BLAS cut in two: what else there is in it, beside its products; seconds in each round. */
const cut = ({ contestant, products }: Entrant, finishes: ReadonlyArray<Finish>): ReadonlyArray<Side> => {
  const whole = finishes.find((finish) => finish.contestant === contestant)?.seconds ?? E.left('it was not in the race')
  // Turns of warming up came before those of the rounds.
  const inRounds = E.map((seconds: ReadonlyArray<number>) => products.slice(-seconds.length))(whole)
  const rest = pipe(
    E.Do,
    E.bind('x', () => whole),
    E.bind('y', () => inRounds),
    E.map(({ x, y }) => x.map((seconds, round) => seconds - y[round]))
  )
  return [
    { name: contestant.name, isOurs: true, threads: 1, values: rest },
    { name: 'its products', isOurs: false, threads: 1, values: inRounds }
  ]
}

const describeProducts = (which: Trained, { products }: Entrant): ReadonlyArray<string> =>
  pipe(
    programsOf(which),
    E.match(
      (reason) => [reason],
      ({
        stages: [
          {
            step: { shardGrad }
          }
        ]
      }) => {
        const flop = schedule(shardGrad.program, wasmLimits).kernels.reduce(
          (sum, kernel) => sum + (kernel._tag === 'contraction' ? flopsOf(kernel, wasmLimits) : 0),
          0
        )
        const rate =
          products.length === 0 ? '' : `; blas does them at ${(flop / median(products) / 1e9).toFixed(1)} GFLOP/s`
        return [`a step of ${which} has ${(flop / 1e9).toFixed(2)} GFLOP in products${rate}`]
      }
    )
  )

/** A race for each preset. */
export const steps = (peers: ReadonlyArray<StepPeer>, directory: string): ReadonlyArray<Measurement> =>
  trained.map((which) => ({
    subject: which,
    run: async (rules, observe) => {
      const subject = `step of ${which}`
      const corpus = await openText(directory, which)()
      if (E.isLeft(corpus)) throw new Error(corpus.left)
      const withBlas = ours(which, corpus.right, 'blas')
      const entrants = ways.map((way) => (way === 'blas' ? withBlas : ours(which, corpus.right, way)))
      const contestants = [...entrants.map(({ contestant }) => contestant), ...peers.map(byPeer(which, rules))]
      const finishes = await race(rules, observe)(contestants)()
      const rates = ratesOf({ suite: 'step', subject, unit: 'tokens/s' }, tokensOf(which), finishes)
      const question = { suite: 'step', subject: `${subject}, outside products`, unit: 's' }
      return {
        answers: [...rates.answers, { question, sides: cut(withBlas, finishes) }],
        notes: [...rates.notes, ...describeProducts(which, withBlas)]
      }
    }
  }))
