/**
 * How fast is a whole step of pre-training: masking, both networks forward and backward, clipping, the update?
 */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  buildCorpus,
  defaultRecipe,
  objectiveOf,
  openCorpus,
  openSession,
  presetConfig,
  pretrainingPrograms,
  showConfigError,
  showCorpusError,
  type Corpus,
  type ElectraConfig,
  type PresetName
} from '../src/electra/index.js'
import { gpuJs, js, own, reference, showTensorError, type Device, type Multiplier } from '../src/tensor/index.js'
import { showPretrainError } from '../src/electra/cli/show-error.js'
import { flopsOf } from '../src/tensor/program/explain.js'
import { schedule } from '../src/tensor/program/schedule.js'
import { acquirePool, inProcess, showWorkerError, type Pool, type WorkerError } from '../src/workers/index.js'
import { runRace, type Measurement } from './measurement.js'
import { bearable, entriesOf, type Mode } from './modes.js'
import { upTo, type Contestant, type Opened } from './race.js'

/** A preset on a corpus: what all contestants of a race train. */
type Subject = { readonly config: ElectraConfig; readonly corpus: Corpus }

/** Steps until the schedule ends: more than are ever timed. */
const totalSteps = 10_000

const subjectOf = (preset: PresetName, corpus: Corpus): E.Either<string, Subject> =>
  pipe(
    presetConfig(preset),
    E.bimap(showConfigError, (config) => ({ config, corpus }))
  )

/** Tokens of a step, padding included: it costs as much. */
const tokensOf = ({ config: { batchSize, sequenceLength } }: Subject): number => batchSize * sequenceLength

/** Floating-point operations of a step's matrix products; everything else is not counted. */
const productFlop = ({ config, corpus }: Subject): E.Either<string, number> =>
  pipe(
    pretrainingPrograms(config, objectiveOf(config, corpus.vocabulary.pieces.length), totalSteps),
    E.bimap(showTensorError, ({ step: { shardGrad, shards } }) =>
      schedule(shardGrad.program).kernels.reduce(
        (sum, kernel) => sum + (kernel._tag === 'contraction' ? shards * flopsOf(kernel) : 0),
        0
      )
    )
  )

/** Training on a pool that is opened for it, and closed at the end. */
const byPool =
  (name: string, threads: number | undefined, pool: TE.TaskEither<WorkerError, Pool>) =>
  (subject: Subject): Contestant => ({
    name,
    threads,
    open: pipe(
      pool,
      TE.mapLeft(showWorkerError),
      TE.chain((held) =>
        pipe(
          openSession({ ...subject, seed: 0, totalSteps })(held),
          TE.mapLeft(showPretrainError),
          TE.orElseFirstTaskK(() => held.release),
          TE.map((session): Opened => {
            let done = 0
            let loss = NaN
            return {
              run: pipe(
                TE.of(undefined),
                TE.chain(() => session.step(done++)),
                TE.bimap(showPretrainError, ({ report }) => {
                  loss = report.loss
                })
              ),
              check: () => Promise.resolve(Number.isFinite(loss) ? E.right(undefined) : E.left(`the loss is ${loss}`)),
              release: held.release
            }
          })
        )
      )
    )
  })

type ProductShare = {
  /** The part of a step's time that its matrix products take. */
  readonly share: number
  /** What the products run at, FLOP a second. */
  readonly rate: number
}

/** Where the time of `js + own` goes on one thread: over some steps of a session of its own, after one to warm up. */
const productShare = (subject: Subject, steps: number): TE.TaskEither<string, ProductShare> => {
  const { multiplier, seconds } = withStopwatch(own())
  const contestant = byPool('js + own', 1, TE.right(inProcess(js(multiplier))))(subject)
  return pipe(
    contestant.open,
    TE.chain(({ run, release }) =>
      pipe(
        run,
        TE.chain(() => async () => {
          const [start, before] = [performance.now(), seconds()]
          for (let n = 0; n < steps; n++) {
            const ran = await run()
            if (E.isLeft(ran)) return ran
          }
          return E.right({ whole: (performance.now() - start) / 1000, products: seconds() - before })
        }),
        TE.chainFirstTaskK(() => release)
      )
    ),
    TE.chainEitherK(({ whole, products }) =>
      pipe(
        productFlop(subject),
        E.map((flop) => ({ share: products / whole, rate: (flop * steps) / products }))
      )
    )
  )
}

/** A multiplier and the seconds that it has taken so far. */
const withStopwatch = (
  multiplier: Multiplier<'sync'>
): { readonly multiplier: Multiplier<'sync'>; readonly seconds: () => number } => {
  let total = 0
  return {
    multiplier: {
      ...multiplier,
      prepare: (contraction) =>
        pipe(
          multiplier.prepare(contraction),
          E.map((multiply) => (left, right, out) => {
            const run = multiply(left, right, out)
            return () => {
              const start = performance.now()
              const done = run()
              total += (performance.now() - start) / 1000
              return done
            }
          })
        )
    },
    seconds: () => total
  }
}

/** A preset, and how many pieces its vocabulary has: 4000 in the demo, 8192 from the command line. */
type Trained = { readonly preset: PresetName; readonly pieces: number }

const trained: ReadonlyArray<Trained> = [
  { preset: 'nano', pieces: 4000 },
  { preset: 'demo', pieces: 4000 },
  { preset: 'tiny', pieces: 8192 }
]

/** This module runs as `bench/node_modules/.cache/main.mjs`. */
const repository = new URL('../../../', import.meta.url)

/** The built module: a thread cannot start at a bundle. */
const thread = new URL('dist/workers/thread.js', repository)

const contestants = (
  modes: ReadonlyArray<Mode>,
  subject: Subject,
  flop: number,
  slow: boolean
): ReadonlyArray<Contestant> => {
  const inThisThread = (
    name: string,
    threads: number | undefined,
    device: TE.TaskEither<WorkerError, Device>
  ): Contestant => byPool(name, threads, pipe(device, TE.map(inProcess)))(subject)
  const twoWorkers = acquirePool({
    workers: 2,
    choice: { device: 'js', matmul: 'own', floats: 'float32' },
    entry: thread
  })
  return [
    inThisThread(
      'js + own',
      1,
      TE.fromIO(() => js(own()))
    ),
    byPool('js + own, 2 workers', 2, twoWorkers)(subject),
    ...entriesOf(modes, flop, slow, (mode, _, threads) =>
      inThisThread(`js + gpu.js:${mode}`, threads, pipe(gpuJs(mode), TE.map(js)))
    ),
    upTo(
      bearable.reference,
      flop,
      slow
    )(
      inThisThread(
        'reference device',
        1,
        TE.fromIO(() => reference({ floats: 'float32' }))
      )
    )
  ]
}

/** The shipped text, with as many pieces of vocabulary as it is measured with. */
const corpusOf = (directory: string, { preset, pieces }: Trained): TE.TaskEither<string, Corpus> =>
  pipe(
    buildCorpus({
      ...defaultRecipe,
      inputs: [fileURLToPath(new URL('data/sample', repository))],
      out: join(directory, preset),
      vocabulary: { _tag: 'trained', size: pieces }
    }),
    TE.chain((built) => openCorpus(built.directory)),
    TE.mapLeft(showCorpusError)
  )

/** A race for each preset, and where the time of its first contestant goes. Throws where there is nothing to measure. */
export const steps = (modes: ReadonlyArray<Mode>, slow: boolean, directory: string): ReadonlyArray<Measurement> =>
  trained.map((which) => ({
    subject: which.preset,
    run: async (rules, observe) => {
      observe('building its corpus')
      const prepared = pipe(
        await corpusOf(directory, which)(),
        E.chain((corpus) => subjectOf(which.preset, corpus)),
        E.bindTo('subject'),
        E.bind('flop', ({ subject }) => productFlop(subject))
      )
      if (E.isLeft(prepared)) throw new Error(prepared.left)
      const { subject, flop } = prepared.right
      const { rows } = await runRace(
        {
          suite: 'step',
          subject: `${which.preset}, ${which.pieces} pieces`,
          unit: 'tokens/s',
          work: tokensOf(subject)
        },
        contestants(modes, subject, flop, slow)
      )(rules, observe)
      observe('where the time goes')
      const products = await productShare(subject, 5)()
      if (E.isLeft(products)) throw new Error(products.left)
      const { share, rate } = products.right
      const note =
        `a step of ${which.preset} has ${(flop / 1e9).toFixed(3)} GFLOP in matrix products; js + own on one thread ` +
        `spends ${(100 * share).toFixed(0)} % of its time in them, at ${(rate / 1e9).toFixed(1)} GFLOP/s`
      return { rows, notes: [note] }
    }
  }))
