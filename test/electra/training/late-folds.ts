/**
 * Folds in memory that carry out what they are told later and in order, as a GPU does: plain JavaScript, and a toy of a problem on
 * them in which every step depends on the one before it.
 */

import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { NamedState, Phase, Problem } from '../../../src/electra/training/problem.js'
import { cast, mul } from '../../../src/tensor/ops/arithmetic.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import type { Arrays, Fold, FoldMaker, StepOutputs, WorkerError } from '../../../src/workers/index.js'
import { right } from '../data/right.js'

export type Lateness = {
  readonly window: number
  /** How many turns of the event loop each piece of work takes, at least one: by turns. */
  readonly turns: ReadonlyArray<number>
  /** The step that fails, counted from 0, and whether the device is lost with it. */
  readonly failing?: { readonly step: number; readonly isLost: boolean }
  /** The step from which on everything is NaN. */
  readonly divergingAt?: number
  /** Of a loss that is scaled: the scale of a step, and the steps whose gradients are not finite, which change nothing. */
  readonly scaled?: {
    readonly scaleAt: (step: number) => number
    readonly overflowing: (step: number) => boolean
    /** Whether the losses of those steps are infinite, too. */
    readonly isLossInfinite?: boolean
  }
  /** Which of the reads fails, counted from 0. */
  readonly unreadable?: number
}

/** What was seen of all folds of a maker. */
export type Seen = {
  /** How many steps have been called and have not settled, and the most that ever were. */
  inFlight: number
  mostInFlight: number
  /** The steps that were carried out, as they were. */
  readonly carriedOut: Array<number>
}

export const broken: WorkerError = { _tag: 'DeviceFailed', device: 'late', reason: 'as planned' }

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

const initialState = (): Array<Float32Array> => Array.from({ length: 3 }, () => new Float32Array(2))

/** Moments and weights after a step: in another order steps give other ones. */
const after = ([mu, nu, w]: ReadonlyArray<Float32Array>, x: number, rate: number): Array<Float32Array> => {
  const next = mu.map((m, i) => m / 2 + w[i] * x)
  return [next, nu.map((v, i) => v + w[i] * w[i]), w.map((v, i) => v * 0.75 + (rate * next[i]) / 4 + x / 8)]
}

const lossOf = (w: Float32Array): number => w.reduce((sum, v) => sum + Math.abs(v), 1)

export const lateFolds = (
  { window, turns, failing, divergingAt, scaled, unreadable }: Lateness,
  seen: Seen
): FoldMaker => {
  let [operations, reads, isLost] = [0, 0, false]
  const foldOf = (rate: number): Fold => {
    let state = initialState()
    let hasFailed = false
    let last: Promise<unknown> = Promise.resolve()
    /** Work on this fold in order, some turns later. */
    const later = <A>(work: () => E.Either<WorkerError, A>): Promise<E.Either<WorkerError, A>> => {
      const lateness = turns[operations++ % turns.length]
      const done = last.then(async () => {
        for (let i = 0; i < lateness; i++) await turn()
        return isLost ? E.left(broken) : work()
      })
      last = done
      return done
    }
    const stepped = (x: number, n: number): E.Either<WorkerError, StepOutputs> => {
      if (failing?.step === n) {
        hasFailed = true
        isLost = failing.isLost
        return E.left(broken)
      }
      seen.carriedOut.push(n)
      const isSkipped = scaled?.overflowing(n) ?? false
      const loss = isSkipped && scaled?.isLossInfinite === true ? Infinity : lossOf(state[2])
      if (!isSkipped) state = after(state, n === divergingAt ? NaN : x, rate)
      const report = [Float32Array.of(isSkipped ? Infinity : lossOf(state[0]))]
      return E.right({
        metrics: [Float32Array.of(loss)],
        report: scaled === undefined ? report : [...report, Float32Array.of(scaled.scaleAt(n))]
      })
    }
    return {
      window,
      write: (arrays) => () =>
        later(() => {
          state = arrays.map((x) => Float32Array.from(x))
          hasFailed = false
          return E.right(undefined)
        }),
      fill:
        (_, __, positions, [key]) =>
        () =>
          later(() => {
            positions.forEach((i) => (state[i] = Float32Array.from(key, (word) => (word % 64) / 64)))
            return E.right(undefined)
          }),
      read: () => later(() => (reads++ === unreadable ? E.left(broken) : E.right(state.map((x) => x.slice())))),
      step:
        ([[x]], [n]) =>
        async () => {
          seen.inFlight++
          seen.mostInFlight = Math.max(seen.mostInFlight, seen.inFlight)
          const [given, at] = [x[0], n[0]]
          const outcome = await later(() => (hasFailed ? E.left(broken) : stepped(given, at)))
          seen.inFlight--
          return outcome
        },
      evaluation: () =>
        TE.right(
          ([[x]]) =>
            () =>
              later(() => E.right([Float32Array.of(lossOf(state[2]) + x[0])]))
        ),
      memory: () => ({ state: 24, sets: 0, set: 0, rest: 0, workers: 1, working: 0 }),
      share: () => later(() => E.right(undefined)),
      compare: () => later(() => E.right(undefined))
    }
  }
  return { make: ({ shards }) => TE.right(foldOf(shards)) }
}

const initial = right(trace((key: Tensor) => ({ w: mul(1 / 64)(cast('f32')(key)) }))(spec([2], 'u32')))

const programs = {
  shardGrad: right(trace((w: Tensor, x: Tensor): Tensor => mul(x)(w))(spec([2]), spec([2]))),
  update: right(trace((w: Tensor, g: Tensor): Tensor => mul(g)(w))(spec([2]), spec([2])))
}

const lossReport = (sums: Readonly<Record<string, ArrayLike<number>>>) => ({ loss: sums.loss[0] })

/** Late folds take the number of shards for a rate: phases differ in it. */
const phaseFrom = (from: number, i: number, enter?: Phase['enter']): Phase => ({
  from,
  step: { shards: i + 1, state: 3, reads: [2], gradients: 1, ...programs },
  metrics: ['loss'],
  report: lossReport,
  learningRateAt: (n) => (n - from) / 8,
  evaluations: [
    {
      name: 'held out',
      source: initial,
      outputs: ['loss'],
      batches: [[[Float32Array.of(0.5)]], [[Float32Array.of(0.25)]]] satisfies ReadonlyArray<ReadonlyArray<Arrays>>,
      report: (results) => ({ loss: results.reduce((sum, { loss }) => sum + loss[0], 0) })
    }
  ],
  ...(enter === undefined ? {} : { enter })
})

/** Both weights as the first is. */
const evened = ({ params, optimizer }: NamedState): NamedState => ({
  params: params.map((x) => (x.dtype === 'F32' ? { ...x, data: x.data.map(() => x.data[0]) } : x)),
  optimizer
})

/** Phases begin at 0 and at each of `starts`, in ascending order: with both weights alike. */
export const toyProblem = (totalSteps: number, starts: ReadonlyArray<number> = []): Problem => ({
  totalSteps,
  state: { optimizer: { mu: initial.result, nu: initial.result }, params: initial.result },
  initial,
  initialKey: [3, 40],
  phases: [phaseFrom(0, 0), ...starts.map((from, i) => phaseFrom(from, i + 1, evened))],
  inputsAt: (n) => ({ shards: [[Float32Array.of((((n * 7) % 5) - 2) / 4)]], tokens: n + 1 }),
  facts: {},
  examples: totalSteps,
  heldOutExamples: 2
})
