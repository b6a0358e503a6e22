/**
 * The steps of a run between two checkpoints, with up to a window of them in flight: the next is begun before the last has settled.
 *
 * They settle in order, so all that is said and kept of them is the same for every window. When these functions settle no step is
 * in flight.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { WorkerError } from '../../workers/index.js'
import { anyRank, together } from '../../workers/ranks/ranks.js'
import { remember, rememberScaled, scaledOf, type MetricsSummary } from './metrics-summary.js'
import type { RunProgress } from './run-progress.js'
import type { Diverged, Run, RunError } from './run.js'
import { giveUp } from './saving.js'
import type { SessionError, StepReport } from './session.js'

/** How far steps have come, and whether the run was asked to stop there. */
export type Taken = { readonly progress: RunProgress; readonly tokens: number; readonly isStopped: boolean }

/** Times are in milliseconds, from any beginning. */
type InFlight = { readonly begunAt: number; readonly outcome: Promise<E.Either<SessionError, StepReport>> }

type Settled = { readonly progress: RunProgress; readonly tokens: number; readonly settledAt: number }

/** What ends a run, to be carried out when no step is in flight. */
type Ending = TE.TaskEither<RunError, never>

/** Ranks decide together whether a step was sound, before they begin the next. */
const windowOf = ({ ranks, session }: Run): IO<number> => (ranks.ranks > 1 ? () => 1 : session.window)

const isToStop = ({ options, ranks }: Run): TE.TaskEither<WorkerError, boolean> =>
  pipe(TE.fromIO<boolean, WorkerError>(options.shouldStop), TE.chain(anyRank(ranks)))

const begin = ({ session }: Run, n: number): InFlight => ({
  begunAt: performance.now(),
  outcome: session.step(n)()
})

export const finite = (step: number, what: Diverged['what'], found: number): E.Either<Diverged, void> =>
  Number.isFinite(found) ? E.right(undefined) : E.left({ _tag: 'Diverged', step, what, found })

/** So many steps in a row are skipped before a run has diverged: from the largest loss scale down to 1, and some more. */
export const mostSkipped = 32

const isSkipped = ({ gradientNorm, lossScale }: StepReport): boolean =>
  lossScale !== undefined && !Number.isFinite(gradientNorm)

/**
 * Whether a run can go on from a step. One that was skipped has changed nothing, and the scale after it is smaller. Below a scale of 1
 * there is none: a loss is then what it is, and a gradient is given some more attempts.
 */
const sound = (step: number, settled: StepReport, summary: MetricsSummary): E.Either<RunError, void> => {
  const { report, gradientNorm, lossScale } = settled
  const ofBoth = pipe(
    finite(step, 'loss', report.loss),
    E.chain(() => finite(step, 'gradient norm', gradientNorm))
  )
  if (!isSkipped(settled)) return ofBoth
  const skipped = 1 + (scaledOf(summary)?.skippedInRow ?? 0)
  return lossScale !== 1 || (Number.isFinite(report.loss) && skipped < mostSkipped)
    ? E.right(undefined)
    : pipe(
        ofBoth,
        E.mapLeft((diverged) => ({ ...diverged, skipped }))
      )
}

/** What a summary keeps of a step. Of a skipped one without a finite loss that is nothing else. */
const summed = (
  { options: { totalSteps } }: Run,
  { step, summary }: RunProgress,
  settled: StepReport
): MetricsSummary => {
  const { report, lossScale } = settled
  const means = Number.isFinite(report.loss) ? remember(step, totalSteps, report)(summary) : summary
  return lossScale === undefined ? means : rememberScaled(lossScale, isSkipped(settled))(means)
}

/** Goes on to the state after a step, where all ranks find it sound. `from` is when it began to be the oldest in flight. */
const accept = (
  run: Run,
  progress: RunProgress,
  settled: StepReport,
  from: number
): TE.TaskEither<RunError, Settled> => {
  const { options, ranks, metrics } = run
  const { report, ...rest } = settled
  const step = progress.step + 1
  return pipe(
    TE.fromEither(sound(step, settled, progress.summary)),
    together(ranks),
    TE.chainW(() => {
      const settledAt = performance.now()
      const facts = { ...rest, seconds: (settledAt - from) / 1000 }
      options.observe({ _tag: 'Stepped', step, report, ...facts })
      return pipe(
        metrics.append({ kind: 'step', step, ...report, ...facts }),
        TE.map(() => ({
          progress: { ...progress, step, summary: summed(run, progress, settled) },
          tokens: rest.tokens,
          settledAt
        }))
      )
    })
  )
}

const settle = (
  run: Run,
  progress: RunProgress,
  { begunAt, outcome }: InFlight,
  lastSettledAt: number
): TE.TaskEither<Ending, Settled> =>
  pipe(
    () => outcome,
    TE.mapLeft((cause): Ending => giveUp(run, progress, cause)),
    TE.chain((report) =>
      pipe(
        accept(run, progress, report, Math.max(begunAt, lastSettledAt)),
        TE.mapLeft((e): Ending => TE.left(e))
      )
    )
  )

const keepInFlight =
  (run: Run, until: number, from: RunProgress, flight: Array<InFlight>): TE.TaskEither<Ending, Taken> =>
  async () => {
    const window = windowOf(run)
    let taken: Taken = { progress: from, tokens: 0, isStopped: false }
    let lastSettledAt = -Infinity
    const next = (): number => taken.progress.step + flight.length
    for (;;) {
      while (!taken.isStopped && next() < until && flight.length < window()) {
        const stop = await isToStop(run)()
        if (E.isLeft(stop)) return E.left(TE.left(stop.left))
        taken = { ...taken, isStopped: stop.right }
        if (!stop.right) flight.push(begin(run, next()))
      }
      if (flight.length === 0) return E.right(taken)
      const settled = await settle(run, taken.progress, flight[0], lastSettledAt)()
      if (E.isLeft(settled)) return settled
      flight.shift()
      const { progress, tokens, settledAt } = settled.right
      taken = { ...taken, progress, tokens: taken.tokens + tokens }
      lastSettledAt = settledAt
    }
  }

/** Takes the steps up to `until`, or as many as there are before the run is asked to stop: it is asked before each. */
export const takeSteps =
  (run: Run, until: number) =>
  (from: RunProgress): TE.TaskEither<RunError, Taken> =>
  async () => {
    const flight: Array<InFlight> = []
    const taken = await keepInFlight(run, until, from, flight)()
    await Promise.all(flight.map(({ outcome }) => outcome))
    return E.isRight(taken) ? taken : taken.left()
  }
