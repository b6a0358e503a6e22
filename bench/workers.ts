/**
 * How fast is a step on two threads, beside one, and beside a peer on two? And how much of it is not the shards' gradients?
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Corpus } from '../src/electra/index.js'
import { acquirePool, showWorkerError, type Pool } from '../src/workers/index.js'
import { ratesOf, type Measurement } from './measurement.js'
import { choiceFor } from './ours.js'
import type { Peer } from './peers.js'
import { threadModule } from './places.js'
import { median, race, timedTask, type Contestant, type Opened } from './race.js'
import { openText, peerSizes, sessionOn, stepsOf, tokensOf } from './training.js'

const which = 'pair'

const threads = 2

/** A pool, and the seconds that each of its runs took: gradients, their sum, norms, factors, update, over and over. */
type Watched = { readonly pool: Pool; readonly seconds: Array<number> }

const watched = (pool: Pool): Watched => {
  const seconds: Array<number> = []
  const run: Pool['run'] = (jobs, listener) => async () => {
    const start = performance.now()
    const ran = await pool.run(jobs, listener)()
    seconds.push((performance.now() - start) / 1000)
    return ran
  }
  return { pool: { ...pool, run }, seconds }
}

const runsOfStep = 5

/** What share of a step's runs is not the gradients. */
const shareBeside = (seconds: ReadonlyArray<number>): number => {
  const total = (list: ReadonlyArray<number>): number => list.reduce((a, b) => a + b, 0)
  const steps = Array.from({ length: Math.floor(seconds.length / runsOfStep) }, (_, step) =>
    seconds.slice(runsOfStep * step, runsOfStep * (step + 1))
  )
  return median(steps.map((runs) => total(runs.slice(1)) / total(runs)))
}

type Entrant = { readonly contestant: Contestant; readonly note: () => string | undefined }

const ours = (corpus: Corpus, matmul: 'own' | 'blas', workers: number): Entrant => {
  let beside: (() => number) | undefined
  const name = `${matmul}, ${workers} worker${workers === 1 ? '' : 's'}`
  const opened = (pool: Pool): TaskEither<string, Opened> => {
    const { pool: watching, seconds } = watched(pool)
    return pipe(
      sessionOn(which, corpus)(watching),
      TE.map((session): Opened => {
        // What opening ran belongs to no step.
        seconds.length = 0
        const { step, check } = stepsOf(session)
        beside = () => shareBeside(seconds)
        return { run: timedTask(step), check, release: pool.release }
      })
    )
  }
  return {
    contestant: {
      name,
      isOurs: workers > 1,
      threads: workers,
      open: pipe(
        acquirePool({ workers, choice: choiceFor(matmul), entry: threadModule }),
        TE.mapLeft(showWorkerError),
        TE.chain(opened)
      )
    },
    note: () =>
      beside && `${name}: sums of gradients, norms and update take ${(100 * beside()).toFixed(1)} % of a step's work`
  }
}

/** Two shards of the small preset. */
export const workers = (peer: Peer, directory: string): ReadonlyArray<Measurement> => [
  {
    subject: which,
    run: async (rules, observe) => {
      const corpus = await openText(directory, which)()
      if (E.isLeft(corpus)) throw new Error(corpus.left)
      const entrants = (['own', 'blas'] as const).flatMap((matmul) =>
        [threads, 1].map((count) => ours(corpus.right, matmul, count))
      )
      const theirs: Contestant = {
        name: peer.name,
        isOurs: false,
        threads,
        open: pipe(
          peer.open(peerSizes(which, threads)),
          TE.map((detail) => ({ detail, run: peer.run, check: TE.right(undefined), release: peer.stop }))
        )
      }
      const finishes = await race(rules, observe)([...entrants.map(({ contestant }) => contestant), theirs])()
      const rates = ratesOf(
        { suite: 'workers', subject: 'step of small, 2 shards of 8', unit: 'tokens/s' },
        tokensOf(which),
        finishes
      )
      return { ...rates, notes: [...rates.notes, ...entrants.flatMap(({ note }) => note() ?? [])] }
    }
  }
]
