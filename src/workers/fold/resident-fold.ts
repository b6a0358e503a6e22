/**
 * Folds on one device, in memory of its own: the state, the gradients and everything between stay there. A step is given a batch and
 * tells some numbers; the next can be submitted before those are there.
 *
 * There are two banks for the state: an update reads one and writes the other. Whatever fails before an update is submitted leaves the
 * state as it was; a device that is lost takes the state with it.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { inOrder } from '../../tensor/in-order.js'
import { peek } from '../../tensor/literal.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Program, type Spec } from '../../tensor/program/program.js'
import { allocateArrays } from '../../tensor/run/arrays.js'
import type {
  Device,
  DeviceBlock,
  DeviceBuffer,
  DeviceBuffers,
  DeviceError,
  ProgramArray
} from '../../tensor/run/device.js'
import { settling } from '../../tensor/run/settling.js'
import type { Shape } from '../../tensor/shape.js'
import type { WorkerError } from '../error.js'
import { layOut } from '../pool/layout.js'
import { checkInputs } from '../pool/memory.js'
import { agree, agreeOnShards, rejected } from './agreement.js'
import { arrangementOf, type Arranged, type Arrangement } from './arrangement.js'
import type { Arrays, Evaluation, Fold, FoldMaker, Step } from './fold.js'
import { guardedState, type GuardedState } from './guarded-state.js'
import { pick } from './pick.js'
import { stepSpecs, type StepSpecs } from './step-specs.js'
import { addInTree, treeSumProgram } from './tree-sum.js'

/** Steps that may be under way: one is computed while the next is encoded. */
const window = 2

/** A program on the device, with its constants. */
type Loaded = {
  readonly specs: ReadonlyArray<Spec>
  readonly workingBytes: number
  readonly run: (
    inputs: ReadonlyArray<ProgramArray>,
    outputs: ReadonlyArray<ProgramArray>
  ) => TE.TaskEither<DeviceError, void>
}

/** A device whose answers are tasks. */
type Ground = {
  readonly device: Device
  readonly allocate: (specs: ReadonlyArray<Spec>) => TE.TaskEither<DeviceError, DeviceBuffers>
  readonly allocateBlock: (shapes: ReadonlyArray<Shape>) => TE.TaskEither<DeviceError, DeviceBlock>
  readonly write: (buffers: ReadonlyArray<DeviceBuffer>, arrays: Arrays) => TE.TaskEither<DeviceError, void>
  readonly read: (buffers: ReadonlyArray<DeviceBuffer>) => TE.TaskEither<DeviceError, Arrays>
  /** Everything that was allocated. */
  readonly held: Array<DeviceBuffers>
}

const groundOf = (device: Device): Ground => {
  const held: Array<DeviceBuffers> = []
  const holding = <A extends DeviceBuffers>(taken: TE.TaskEither<DeviceError, A>): TE.TaskEither<DeviceError, A> =>
    pipe(
      taken,
      TE.map((buffers) => {
        held.push(buffers)
        return buffers
      })
    )
  return {
    device,
    held,
    allocate: (specs) => holding(settling(device.allocate)(specs)),
    allocateBlock: (shapes) => holding(settling(device.allocateBlock)(shapes)),
    write: settling(device.write),
    read: settling(device.read)
  }
}

const loaded = (
  ground: Ground,
  program: Program,
  captured: Lowered['captured'] = []
): TE.TaskEither<DeviceError, Loaded> =>
  pipe(
    TE.fromEither(ground.device.load(program)),
    TE.bindTo('executable'),
    TE.bind('constants', () => ground.allocate(captured)),
    TE.chainFirst(({ constants }) => ground.write(constants.list, captured.map(peek))),
    TE.map(({ executable, constants }): Loaded => {
      const run = settling(executable.run)
      return {
        specs: outputSpecs(program),
        workingBytes: executable.workingBytes,
        run: (inputs, outputs) => run([...inputs, ...constants.list], outputs)
      }
    })
  )

type GradientSet = Arranged & { readonly metrics: ReadonlyArray<DeviceBuffer> }

/** Buffers for the sums of shards: those that wait, one for each level of the tree, and one to write to. */
type Sets = {
  readonly take: TE.TaskEither<DeviceError, GradientSet>
  readonly giveBack: (set: GradientSet) => void
  readonly count: () => number
}

const setsOf = ({ gradients }: Arrangement): Sets => {
  const free: Array<GradientSet> = []
  let count = 0
  return {
    take: () => {
      const set = free.pop()
      if (set !== undefined) return Promise.resolve(E.right(set))
      count++
      return gradients()
    },
    giveBack: (set) => void free.push(set),
    count: () => count
  }
}

/** The sum of some shards, in a set of buffers. */
type Partial = { readonly shards: number; readonly set: GradientSet }

const summands = ({ joined, metrics }: GradientSet): ReadonlyArray<DeviceBuffer> => [...joined, ...metrics]

type Shards = {
  /** The sums over all shards of what a program makes, in buffers that are given back with `giveBack`. */
  readonly sum: (
    read: ReadonlyArray<DeviceBuffer>,
    shardInputs: ReadonlyArray<Arrays>
  ) => TE.TaskEither<DeviceError, GradientSet>
  readonly sets: Sets
}

/**
 * One shard after the other. Two sums over equally many shards become one at once, and those that are left in the end from the right:
 * which is the tree that splits at the largest power of two.
 */
const shardsOn = (
  ground: Ground,
  arrangement: Arrangement,
  program: Loaded,
  shards: number
): TE.TaskEither<DeviceError, Shards> => {
  const sets = setsOf(arrangement)
  return pipe(
    sets.take,
    TE.chain((set) => {
      sets.giveBack(set)
      const specs = summands(set).map(({ dtype, size }): Spec => ({ dtype, shape: [size] }))
      return shards === 1
        ? TE.right<DeviceError, Loaded | undefined>(undefined)
        : loaded(ground, treeSumProgram(specs, 2))
    }),
    TE.map((add): Shards => {
      const join = (left: Partial, right: Partial): TE.TaskEither<DeviceError, Partial> =>
        pipe(
          sets.take,
          TE.chainFirst((set) =>
            add === undefined
              ? TE.right(undefined)
              : add.run([...summands(left.set), ...summands(right.set)], summands(set))
          ),
          TE.map((set) => {
            sets.giveBack(left.set)
            sets.giveBack(right.set)
            return { shards: left.shards + right.shards, set }
          })
        )
      return {
        sets,
        sum: (read, shardInputs) => async () => {
          const partials: Array<Partial> = []
          const joinLast = async (): Promise<E.Either<DeviceError, void>> => {
            const [left, right] = partials.splice(-2)
            const joined = await join(left, right)()
            if (E.isLeft(joined)) return joined
            partials.push(joined.right)
            return E.right(undefined)
          }
          for (const inputs of shardInputs) {
            const set = await sets.take()
            if (E.isLeft(set)) return set
            const ran = await program.run([...read, ...inputs], set.right.list)()
            if (E.isLeft(ran)) return ran
            partials.push({ shards: 1, set: set.right })
            while (
              partials.length > 1 &&
              partials[partials.length - 2].shards === partials[partials.length - 1].shards
            ) {
              const joined = await joinLast()
              if (E.isLeft(joined)) return joined
            }
          }
          while (partials.length > 1) {
            const joined = await joinLast()
            if (E.isLeft(joined)) return joined
          }
          return E.right(partials[0].set)
        }
      }
    })
  )
}

type Prepared = {
  readonly ground: Ground
  readonly step: Step
  readonly specs: StepSpecs
  readonly banks: readonly [Arranged, Arranged]
  readonly shards: Shards
  readonly update: Loaded
  readonly report: DeviceBuffers
  readonly working: number
}

/** A device that has failed has no state any more. */
const tearing = TE.mapLeft((e: WorkerError): WorkerError =>
  e._tag === 'DeviceFailed' ? { _tag: 'StateTorn', cause: e } : e
)

/** Arrays from outside, as a program takes them; what is wrong with them is known before anything begins. */
const fitting = (
  where: string,
  program: Program,
  first: number,
  arrays: ReadonlyArray<Arrays>
): E.Either<WorkerError, void> => {
  const specs = program.inputs.slice(first, first + (arrays[0]?.length ?? 0))
  return pipe(
    arrays,
    E.traverseArray((list) => checkInputs(where, specs, list)),
    E.map(() => undefined)
  )
}

const shardInputsFit = (
  { step: { shards, reads } }: Prepared,
  name: string,
  { program, captured }: Lowered,
  inputs: ReadonlyArray<Arrays>
): E.Either<WorkerError, void> => {
  const wanted = program.inputs.length - reads.length - captured.length
  if (inputs.length !== shards)
    return E.left({ _tag: 'WrongInputs', where: name, found: `${inputs.length} shards`, expected: String(shards) })
  const short = inputs.find(({ length }) => length !== wanted)
  if (short !== undefined)
    return E.left({ _tag: 'WrongInputs', where: name, found: `${short.length} arrays`, expected: String(wanted) })
  return fitting(name, program, reads.length, inputs)
}

/** The arrays in one bank, and which of the two that is. */
type Bank = { current: 0 | 1 }

const stateOf = ({ banks }: Prepared, { current }: Bank): ReadonlyArray<DeviceBuffer> => banks[current].list

type Guarding = <A>(work: TE.TaskEither<WorkerError, A>) => TE.TaskEither<WorkerError, A>

/** Steps that were asked for before one has told that it failed fail with it: they were to begin from the state that there is not. */
const withPredecessors = () => {
  let failure: WorkerError | undefined
  let asked = 0
  return <A>(step: (unlessFailed: Guarding) => TE.TaskEither<WorkerError, A>): TE.TaskEither<WorkerError, A> =>
    async () => {
      // Nobody waits for an answer: whoever asks knows what has become of all steps before.
      if (asked === 0) failure = undefined
      asked++
      const answer = await step((work) => async () => {
        if (failure !== undefined) return E.left(failure)
        const done = await work()
        if (E.isLeft(done)) failure = done.left
        return done
      })()
      asked--
      return answer
    }
}

const stepOf = (prepared: Prepared, bank: Bank, { whole, replacing }: GuardedState): Fold['step'] => {
  const { ground, step, shards, update, report, banks } = prepared
  const submit = (
    shardInputs: ReadonlyArray<Arrays>,
    updateInputs: Arrays
  ): TE.TaskEither<WorkerError, TE.TaskEither<DeviceError, Arrays>> =>
    pipe(
      TE.fromEither(shardInputsFit(prepared, 'shardGrad', step.shardGrad, shardInputs)),
      TE.chainEitherK(() => checkInputs('update', prepared.specs.updateInputs, updateInputs)),
      TE.chainW(() => shards.sum(pick(step.reads, stateOf(prepared, bank)), shardInputs)),
      TE.chainW((sums) => {
        const [now, next] = bank.current === 0 ? banks : [banks[1], banks[0]]
        return pipe(
          update.run([...now.joined, ...sums.joined, ...updateInputs], [...next.joined, ...report.list]),
          TE.map(() => {
            bank.current = bank.current === 0 ? 1 : 0
            const reading = ground.read([...sums.metrics, ...report.list])()
            shards.sets.giveBack(sums)
            return () => reading
          })
        )
      })
    )
  const inTurn = withPredecessors()
  const settlingInOrder = inOrder()
  return (shardInputs, updateInputs) =>
    pipe(
      inTurn((unlessFailed) => whole(unlessFailed(replacing(tearing(submit(shardInputs, updateInputs)))))),
      TE.chain((reading) => settlingInOrder(replacing(tearing(reading)))),
      TE.map((arrays) => {
        const metrics = arrays.length - report.list.length
        return { metrics: arrays.slice(0, metrics), report: arrays.slice(metrics) }
      })
    )
}

const fillOf =
  (prepared: Prepared, bank: Bank, { whole, replacing }: GuardedState): Fold['fill'] =>
  (name, { program, captured }, positions, inputs) => {
    const { ground, specs } = prepared
    const places = [...new Set(positions)].filter((i) => i in specs.state)
    if (places.length < positions.length)
      return TE.fromEither(
        rejected(name, `positions ${positions.join(', ')}`, `different ones of ${specs.state.length}`)
      )
    return whole(
      pipe(
        TE.fromEither(agree(name, 'outputs', outputSpecs(program), pick(places, specs.state))),
        TE.chainEitherK(() =>
          checkInputs(name, program.inputs.slice(0, program.inputs.length - captured.length), inputs)
        ),
        TE.chainW(() => loaded(ground, program, captured)),
        TE.chain(({ run }) => replacing(tearing(run(inputs, pick(places, stateOf(prepared, bank))))))
      )
    )
  }

const evaluationOf =
  (prepared: Prepared, bank: Bank, { whole, replacing }: GuardedState): Fold['evaluation'] =>
  (name, source) => {
    const { ground, step, specs } = prepared
    const { program, captured } = source
    const outputs = outputSpecs(program)
    return pipe(
      TE.fromEither(agreeOnShards(name, source, pick(step.reads, specs.state), step.shards)),
      TE.chainW(() => loaded(ground, program, captured)),
      TE.map(
        ({ run }): Evaluation =>
          (shardInputs) =>
            whole(
              pipe(
                TE.fromEither(shardInputsFit(prepared, name, source, shardInputs)),
                TE.chain(() =>
                  pipe(
                    shardInputs,
                    TE.traverseSeqArray((inputs) => {
                      const made = allocateArrays(outputs, ground.device.floats)
                      return pipe(
                        replacing(tearing(run([...pick(step.reads, stateOf(prepared, bank)), ...inputs], made))),
                        TE.map(() => made)
                      )
                    })
                  )
                ),
                TE.map((results) => {
                  const sums = allocateArrays(outputs, ground.device.floats)
                  sums.forEach((sum, i) =>
                    addInTree(
                      results.map((arrays) => arrays[i]),
                      sum
                    )
                  )
                  return sums
                })
              )
            )
      )
    )
  }

const foldOf = (prepared: Prepared): Fold => {
  const { ground, specs, shards, working } = prepared
  const { floats } = ground.device
  const guard = guardedState()
  const bank: Bank = { current: 0 }
  const bytes = (list: ReadonlyArray<Spec>): number => layOut(floats, list).bytes
  return {
    window,
    write: (arrays) =>
      guard.mending(
        pipe(
          TE.fromEither(checkInputs('state', specs.state, arrays)),
          TE.chainW(() => ground.write(stateOf(prepared, bank), arrays))
        )
      ),
    fill: fillOf(prepared, bank, guard),
    read: guard.whole(guard.replacing(tearing(() => ground.read(stateOf(prepared, bank))()))),
    step: stepOf(prepared, bank, guard),
    evaluation: evaluationOf(prepared, bank, guard),
    memory: () => ({
      state: 2 * bytes(specs.state),
      sets: shards.sets.count(),
      set: bytes(outputSpecs(prepared.step.shardGrad.program)),
      rest: bytes(specs.report),
      workers: 1,
      working
    }),
    share: TE.right(undefined),
    compare: TE.right(undefined)
  }
}

const prepare = (ground: Ground, step: Step): TE.TaskEither<WorkerError, Fold> =>
  pipe(
    TE.fromEither(stepSpecs(step)),
    TE.bindTo('specs'),
    TE.chainFirstEitherK(({ specs }) =>
      agreeOnShards('shardGrad', step.shardGrad, pick(step.reads, specs.state), step.shards)
    ),
    TE.bindW('arrangement', ({ specs }) => arrangementOf(ground, step, specs)),
    TE.bindW('first', ({ arrangement }) => arrangement.state),
    TE.bindW('second', ({ arrangement }) => arrangement.state),
    TE.bindW('report', ({ specs }) => ground.allocate(specs.report)),
    TE.bindW('shardGrad', () => loaded(ground, step.shardGrad.program, step.shardGrad.captured)),
    TE.bindW('shards', ({ arrangement, shardGrad }) => shardsOn(ground, arrangement, shardGrad, step.shards)),
    TE.bindW('update', ({ arrangement: { update } }) => loaded(ground, update.program, update.captured)),
    TE.map(({ specs, first, second, report, shardGrad, shards, update }) =>
      foldOf({
        ground,
        step,
        specs,
        banks: [first, second],
        shards,
        update,
        report,
        working: Math.max(shardGrad.workingBytes, update.workingBytes)
      })
    )
  )

/** Folds on a device, by this process alone. */
export const residentFold = (device: Device): FoldMaker => ({
  make: (step) => {
    const ground = groundOf(device)
    return pipe(
      prepare(ground, step),
      TE.mapLeft((e) => {
        ground.held.forEach(({ release }) => release())
        return e
      })
    )
  }
})
