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
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Program, type Spec } from '../../tensor/program/program.js'
import { allocateArrays } from '../../tensor/run/arrays.js'
import type { Device, DeviceBuffer, DeviceBuffers, DeviceError } from '../../tensor/run/device.js'
import type { WorkerError } from '../error.js'
import { layOut } from '../pool/layout.js'
import { checkInputs } from '../pool/memory.js'
import { agree, agreeOnShards, rejected } from './agreement.js'
import { arrangementOf, type Arranged } from './arrangement.js'
import type { Arrays, Evaluation, Fold, FoldMaker, Step } from './fold.js'
import { groundOf, loaded, type Ground, type Loaded } from './ground.js'
import { guardedState, type GuardedState } from './guarded-state.js'
import { pick } from './pick.js'
import { shardsOn, type Shards } from './resident-shards.js'
import { stepSpecs, type StepSpecs } from './step-specs.js'
import { addInTree } from './tree-sum.js'

/** Steps that may be under way: one is computed while the next is encoded. */
const window = 2

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

const torn = (cause: WorkerError): WorkerError => ({ _tag: 'StateTorn', cause })

/** A device that has failed has no state any more. */
const tearing = TE.mapLeft((e: WorkerError): WorkerError => (e._tag === 'DeviceFailed' ? torn(e) : e))

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

/** Steps after one that has failed fail with it, until a state is written: they were to begin from the state that there is not. */
type Succession = {
  readonly unlessFailed: <A>(step: TE.TaskEither<WorkerError, A>) => TE.TaskEither<WorkerError, A>
  readonly beginAnew: () => void
}

const successionOf = (): Succession => {
  let failure: WorkerError | undefined
  return {
    unlessFailed: (step) => async () => {
      if (failure !== undefined) return E.left(failure)
      const done = await step()
      if (E.isLeft(done)) failure = done.left
      return done
    },
    beginAnew: () => {
      failure = undefined
    }
  }
}

const stepOf = (
  prepared: Prepared,
  bank: Bank,
  { whole, replacing }: GuardedState,
  { unlessFailed }: Succession
): Fold['step'] => {
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
  const settlingInOrder = inOrder()
  return (shardInputs, updateInputs) =>
    pipe(
      whole(unlessFailed(replacing(tearing(submit(shardInputs, updateInputs))))),
      // By now the state is another one, whatever becomes of the numbers.
      TE.chain((reading) => settlingInOrder(replacing(TE.mapLeft(torn)(reading)))),
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
  const succession = successionOf()
  const bytes = (list: ReadonlyArray<Spec>): number => layOut(floats, list).bytes
  return {
    window,
    write: (arrays) =>
      guard.mending(
        pipe(
          TE.fromEither(checkInputs('state', specs.state, arrays)),
          TE.chainW(() => ground.write(stateOf(prepared, bank), arrays)),
          TE.map(succession.beginAnew)
        )
      ),
    fill: fillOf(prepared, bank, guard),
    read: guard.whole(guard.replacing(tearing(() => ground.read(stateOf(prepared, bank))()))),
    step: stepOf(prepared, bank, guard, succession),
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
