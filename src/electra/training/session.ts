/**
 * A run in memory: its programs made into folds, state in them, and steps that can be taken one after another.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TensorError } from '../../tensor/fault.js'
import type { Data } from '../../tensor/index.js'
import { storedOf, type NamedStored } from '../../tensor/stored.js'
import { equalShapes, sizeOf } from '../../tensor/shape.js'
import { tensorEntries } from '../../tensor/tree.js'
import type { Arrays, Fold, FoldMaker, WorkerError } from '../../workers/index.js'
import type { Report } from './columns.js'
import { inFlight } from './in-flight.js'
import {
  namedArrays,
  phaseAt,
  type Evaluation,
  type InputsError,
  type NamedArrays,
  type NamedState,
  type Phase,
  type Problem,
  type StepInputs
} from './problem.js'

export type SessionError = WorkerError | TensorError | InputsError

export type StepReport = {
  readonly report: Report
  /** Before clipping. */
  readonly gradientNorm: number
  readonly learningRate: number
  /** What the step's loss was multiplied by, where losses are scaled. Where the norm is not finite the step was then skipped. */
  readonly lossScale?: number
  /** Tokens of the batch that are not padding. */
  readonly tokens: number
}

export type Session = {
  readonly parameters: number
  /** How many steps may be in flight: as the fold of the phase at hand has it. */
  readonly window: IO<number>
  /**
   * Takes step `n`, counted from 0. A `Left` leaves the state as it was.
   *
   * Steps may overlap: they are begun in the order in which they were asked for, as many at a time as the window is wide, and settle in
   * order. Where it is more than one, none is taken after one that failed until a state is written. Everything else is of the state
   * that the steps before it give.
   */
  readonly step: (n: number) => TE.TaskEither<SessionError, StepReport>
  /** The report on the held-out batches; `undefined` where nothing is held out. */
  readonly evaluate: TE.TaskEither<SessionError, Report | undefined>
  /** What each evaluation of that name gives for each of its batches. */
  readonly outputs: (evaluation: string) => TE.TaskEither<SessionError, ReadonlyArray<NamedArrays>>
  readonly read: TE.TaskEither<SessionError, NamedState>
  /** Puts in a state after so many updates. Fails with the name of the first array that does not fit. */
  readonly write: (state: NamedState, step: number) => TE.TaskEither<SessionError, void>
  /** See `Fold`. */
  readonly memory: Fold['memory']
  readonly share: Fold['share']
  readonly compare: Fold['compare']
}

/** An evaluation as it is prepared on a fold. */
type Prepared = Evaluation & { readonly results: TE.TaskEither<WorkerError, ReadonlyArray<NamedArrays>> }

const prepared =
  (fold: Fold) =>
  (evaluation: Evaluation): TE.TaskEither<WorkerError, Prepared> =>
    pipe(
      fold.evaluation(evaluation.name, evaluation.source),
      TE.map((evaluate) => ({
        ...evaluation,
        results: pipe(
          evaluation.batches,
          TE.traverseSeqArray(evaluate),
          TE.map((results) => results.map((arrays) => namedArrays(evaluation.outputs, arrays)))
        )
      }))
    )

/** A phase with its fold. */
type Opened = { readonly phase: Phase; readonly fold: Fold; readonly evaluations: ReadonlyArray<Prepared> }

const open =
  ({ make }: FoldMaker) =>
  (phase: Phase): TE.TaskEither<WorkerError, Opened> =>
    pipe(
      make(phase.step),
      TE.bindTo('fold'),
      TE.bind('evaluations', ({ fold }) =>
        pipe(
          phase.evaluations.filter(({ batches }) => batches.length > 0),
          TE.traverseSeqArray(prepared(fold))
        )
      ),
      TE.map((opened) => ({ phase, ...opened }))
    )

/** The reports of all evaluations as one; none where there is none. */
const evaluated = ({ evaluations }: Opened): Session['evaluate'] =>
  evaluations.length === 0
    ? TE.right(undefined)
    : pipe(
        evaluations,
        TE.traverseSeqArray(({ results, report }) => pipe(results, TE.map(report))),
        TE.map((reports) => Object.assign({}, ...reports) as Report)
      )

const outputsOf =
  ({ evaluations }: Opened): Session['outputs'] =>
  (name) =>
    evaluations.find((evaluation) => evaluation.name === name)?.results ?? TE.right([])

type Leaf = { readonly name: string; readonly part: 'params' | 'optimizer'; readonly shape: ReadonlyArray<number> }

/** State leaves in the fold's order, with the names they are stored under. */
const leavesOf = ({ state }: Problem): ReadonlyArray<Leaf> =>
  tensorEntries(state).map(([path, { shape }]) => {
    const part = path.startsWith('params.') ? 'params' : 'optimizer'
    return { name: path.slice(part.length + 1), part, shape }
  })

/** Draws the parameters into a fold that is all zeros, as the optimiser's moments begin. */
const initialise = ({ initial, initialKey, phases }: Problem, fold: Fold): TE.TaskEither<WorkerError, void> =>
  fold.fill('initial', initial, phases[0].step.reads, [Uint32Array.from(initialKey)])

const namedState = (leaves: ReadonlyArray<Leaf>, arrays: Arrays): NamedState => {
  const part = (wanted: Leaf['part']): ReadonlyArray<NamedStored> =>
    leaves.flatMap((leaf, i) =>
      leaf.part === wanted ? [{ ...storedOf('f32', leaf.shape, arrays[i]), name: leaf.name }] : []
    )
  return { params: part('params'), optimizer: part('optimizer') }
}

const arraysOf = (leaves: ReadonlyArray<Leaf>, state: NamedState): E.Either<SessionError, Arrays> => {
  const named = {
    params: new Map(state.params.map((x) => [x.name, x])),
    optimizer: new Map(state.optimizer.map((x) => [x.name, x]))
  }
  return pipe(
    leaves,
    E.traverseArray(({ name, part, shape }): E.Either<SessionError, Data> => {
      const x = named[part].get(name)
      return x !== undefined && x.dtype === 'F32' && equalShapes(x.shape, shape)
        ? E.right(x.data)
        : E.left({
            _tag: 'WrongInputs',
            where: `state ${part}.${name}`,
            found: x === undefined ? 'nothing' : `${x.dtype} [${x.shape.join(', ')}]`,
            expected: `F32 [${shape.join(', ')}]`
          })
    })
  )
}

type Prefetching = {
  /** The inputs of step n, which may be there already. */
  readonly inputsOf: (n: number) => StepInputs
  /** Begins work, and prepares the inputs of step `next` beside it: as soon as other threads have been told what to do. */
  readonly prefetched: <E, A>(work: TE.TaskEither<E, A>, next: number) => TE.TaskEither<E, A>
}

/** After the messages to other threads that are on their way. */
const soon = (): Promise<void> =>
  new Promise((resume) => {
    if (typeof setImmediate === 'function') setImmediate(resume)
    else setTimeout(resume)
  })

/** Inputs are functions of the step's number, so it does not matter when they are made. */
const prefetching = ({ inputsAt }: Problem): Prefetching => {
  let ready: { readonly n: number; readonly inputs: StepInputs } | undefined
  let given = -1
  return {
    inputsOf: (n) => {
      given = n
      return ready?.n === n ? ready.inputs : inputsAt(n)
    },
    prefetched: (work, next) => async () => {
      const running = work()
      await soon()
      // With several steps in flight the next may have been asked for by now.
      if (given < next) ready = { n: next, inputs: inputsAt(next) }
      return running
    }
  }
}

/** The phase at hand, and its folds: those before it are left behind with their memory. */
type Phases = {
  readonly current: () => Opened
  /** How many steps may be in flight beside step n: none of another phase. */
  readonly beside: (n: number) => number
  /** Goes on to the phase of step n, which begins with the state that the one before it has come to, unless a step has failed there. */
  readonly reach: (n: number) => TE.TaskEither<SessionError, Opened>
  /** Where steps are in flight, remembers that one has failed: who asked for those behind it may not have heard. */
  readonly remembering: <A>(step: TE.TaskEither<WorkerError, A>) => TE.TaskEither<WorkerError, A>
  /** Puts a state in, in the phase that has made it. */
  readonly write: Session['write']
}

const inPhases = (
  problem: Problem,
  leaves: ReadonlyArray<Leaf>,
  openPhase: (phase: Phase) => TE.TaskEither<WorkerError, Opened>,
  first: Opened
): Phases => {
  let [index, current] = [0, first]
  let failed: WorkerError | undefined
  /** The phase is at hand only once it has the state: until then the one before it keeps what it has. */
  const put = (to: number, state: NamedState): TE.TaskEither<SessionError, void> =>
    pipe(
      TE.fromEither(arraysOf(leaves, state)),
      TE.bindTo('arrays'),
      TE.bindW('opened', () => (to === index ? TE.right(current) : openPhase(problem.phases[to]))),
      TE.chainFirstW(({ arrays, opened }) => opened.fold.write(arrays)),
      TE.map(({ opened }) => {
        ;[index, current] = [to, opened]
        failed = undefined
      })
    )
  const enterNext: TE.TaskEither<SessionError, void> = () => {
    const { enter = (as: NamedState) => as } = problem.phases[index + 1]
    return pipe(
      current.fold.read,
      TE.chainW((arrays) => put(index + 1, enter(namedState(leaves, arrays))))
    )()
  }
  return {
    current: () => current,
    beside: (n) => (index < phaseAt(problem, n) ? 0 : current.fold.window - 1),
    remembering: TE.mapLeft((e) => {
      if (current.fold.window > 1) failed = e
      return e
    }),
    reach: (n) => async () => {
      if (failed !== undefined) return E.left(failed)
      while (index < phaseAt(problem, n)) {
        const entered = await enterNext()
        if (E.isLeft(entered)) return entered
      }
      return E.right(current)
    },
    write: (state, step) => put(phaseAt(problem, step - 1), state)
  }
}

/**
 * Prepares a run, with freshly initialised parameters. Of several ranks each opens one, and all then take the same steps and
 * evaluations together; everything else a rank does by itself.
 */
export const openSession =
  (problem: Problem) =>
  (folds: FoldMaker): TE.TaskEither<SessionError, Session> => {
    const leaves = leavesOf(problem)
    const openPhase = open(folds)
    return pipe(
      openPhase(problem.phases[0]),
      TE.chainFirst(({ fold }) => initialise(problem, fold)),
      TE.map((first): Session => {
        const { inputsOf, prefetched } = prefetching(problem)
        const phases = inPhases(problem, leaves, openPhase, first)
        const { begun, inTurn } = inFlight<SessionError>()
        const fold = (): Fold => phases.current().fold
        const begin = (n: number): TE.TaskEither<SessionError, TE.TaskEither<SessionError, StepReport>> =>
          pipe(
            phases.reach(n),
            TE.map(({ fold, phase }) => {
              const { shards, tokens } = inputsOf(n)
              const running = prefetched(fold.step(shards, [Int32Array.of(n)]), n + 1)()
              return pipe(
                phases.remembering(() => running),
                TE.map(({ metrics, report: [gradientNorm, lossScale] }) => ({
                  report: phase.report(namedArrays(phase.metrics, metrics)),
                  gradientNorm: gradientNorm[0],
                  learningRate: phase.learningRateAt(n),
                  ...(lossScale === undefined ? {} : { lossScale: lossScale[0] }),
                  tokens
                }))
              )
            })
          )
        return {
          parameters: leaves.reduce((n, { part, shape }) => n + (part === 'params' ? sizeOf(shape) : 0), 0),
          window: () => fold().window,
          step: (n) => begun(() => phases.beside(n), begin(n)),
          evaluate: inTurn(() => evaluated(phases.current())()),
          outputs: (name) => inTurn(() => outputsOf(phases.current())(name)()),
          read: inTurn(() =>
            pipe(
              fold().read,
              TE.map((arrays) => namedState(leaves, arrays))
            )()
          ),
          write: (state, step) => inTurn(phases.write(state, step)),
          memory: () => fold().memory(),
          share: inTurn(() => fold().share()),
          compare: inTurn(() => fold().compare())
        }
      })
    )
  }
