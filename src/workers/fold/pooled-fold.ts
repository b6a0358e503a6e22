/**
 * Folds whose steps are spread over a pool.
 *
 * The state exists once in the pool's memory. `update` replaces it part by part, each computed aside before it is copied into
 * place (`partitioned-update.ts`); until it begins, a step that fails leaves the state as it was. The number of workers decides only
 * when and where a shard is computed, so any number gives the same bits.
 *
 * Several ranks carry out one fold: each has the whole state and some of the shards, and updates from the same sums.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { FloatWidth } from '../../tensor/dtype.js'
import { peek } from '../../tensor/literal.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import type { WorkerError } from '../error.js'
import { allOrNothing } from '../pool/all-or-nothing.js'
import { layOut, type PerSpec } from '../pool/layout.js'
import { allocateSlots, readSlots, view, writeSlots, type Slot } from '../pool/memory.js'
import type { Pool } from '../pool/pool.js'
import { checksum } from '../ranks/checksum.js'
import { spansOf } from '../ranks/exchange.js'
import { solo, together } from '../ranks/ranks.js'
import { agree, rejected } from './agreement.js'
import type { Evaluation, Fold, FoldMaker, Step } from './fold.js'
import { guardedState, type GuardedState } from './guarded-state.js'
import { preparePartitionedUpdate, type PartitionedUpdate } from './partitioned-update.js'
import { pick } from './pick.js'
import { runInto } from './run-into.js'
import type { Execution } from './shard-plan.js'
import { prepareShardedSum, type ShardedSum } from './sharded-sum.js'
import { stepSpecs, type StepSpecs } from './step-specs.js'

const prepareShards = (
  pool: Pool,
  { reads, shards }: Step,
  { state }: StepSpecs,
  name: string,
  source: Lowered,
  execution: Execution
): TE.TaskEither<WorkerError, ShardedSum> =>
  prepareShardedSum(pool, name, source, pick(reads, state), shards, execution)

/** The arrays that a fold holds beside its gradients. */
type FoldSpecs = StepSpecs & { readonly captured: ReadonlyArray<Spec> }

type PreparedFold = {
  readonly pool: Pool
  readonly step: Step
  readonly execution: Execution
  readonly specs: StepSpecs
  readonly memory: Memory
  readonly allocated: FoldSpecs
  readonly slots: PerSpec<FoldSpecs, Slot>
  readonly sharded: ShardedSum
  readonly update: PartitionedUpdate
}

const bytesOf = (floats: FloatWidth, specs: unknown): number => layOut(floats, specs).bytes

const fillOf =
  ({ pool, specs, slots: { state } }: PreparedFold, { whole, replacing }: GuardedState): Fold['fill'] =>
  (name, source, positions, inputs) => {
    const places = [...new Set(positions)].filter((i) => i in state)
    return places.length < positions.length
      ? TE.fromEither(rejected(name, `positions ${positions.join(', ')}`, `different ones of ${state.length}`))
      : whole(
          pipe(
            TE.fromEither(agree(name, 'outputs', outputSpecs(source.program), pick(places, specs.state))),
            TE.chain(() => replacing(runInto(pool, name, source, inputs, pick(places, state))))
          )
        )
  }

/** One step: every shard's gradients, their sums, and the update from them. */
const stepOf = (
  { pool, step, memory, slots, sharded, update }: PreparedFold,
  { whole, replacing }: GuardedState
): Fold['step'] => {
  const write = writeSlots(memory, pool.device.floats)
  const read = readSlots(memory, pool.device.floats)
  const gradients = sharded.sums.slice(0, step.gradients)
  const metrics = sharded.sums.slice(step.gradients)
  const updated = replacing(
    update.run([...slots.state, ...gradients, ...slots.updateInputs, ...slots.captured], slots.report)
  )
  return (shardInputs, updateInputs) =>
    whole(
      pipe(
        TE.fromIOEither(sharded.write(shardInputs)),
        TE.chainIOEitherK(() => write('update', slots.updateInputs, updateInputs)),
        TE.chain(() => sharded.run(pick(step.reads, slots.state))),
        TE.chain(() => updated),
        TE.map(() => ({ metrics: read(metrics)(), report: read(slots.report)() }))
      )
    )
}

/** Whether all ranks have the state of rank 0. */
const compareOf =
  ({ pool, execution: { ranks = solo }, memory, slots: { state } }: PreparedFold): Fold['compare'] =>
  async () => {
    const mine = checksum(state.map(view(memory, pool.device.floats)))
    const first = Int32Array.of(mine)
    const agreed = (): TE.TaskEither<WorkerError, void> =>
      first[0] === mine ? TE.right(undefined) : TE.left({ _tag: 'RanksDiffer', what: 'the state' })
    return pipe(
      ranks.broadcast([first]),
      TE.chain(() => together(ranks)(agreed()))
    )()
  }

const evaluationOf =
  ({ step, slots: { state } }: PreparedFold, { whole }: GuardedState) =>
  (summed: ShardedSum): Evaluation =>
  (shardInputs) =>
    whole(
      pipe(
        TE.fromIOEither(summed.write(shardInputs)),
        TE.chain(() => summed.run(pick(step.reads, state))),
        TE.map(() => summed.read())
      )
    )

const foldOf = (prepared: PreparedFold): Fold => {
  const { pool, step, execution, specs, memory, allocated, slots, sharded, update } = prepared
  const { floats } = pool.device
  const { ranks = solo } = execution
  const { state } = slots
  const guard = guardedState()
  let rest = bytesOf(floats, allocated) - bytesOf(floats, specs.state) + sharded.bytes.inputs + update.bytes
  return {
    window: 1,
    write: (arrays) => guard.mending(TE.fromIOEither(writeSlots(memory, floats)('state', state, arrays))),
    fill: fillOf(prepared, guard),
    read: guard.whole(TE.fromIO(readSlots(memory, floats)(state))),
    step: stepOf(prepared, guard),
    evaluation: (name, source) =>
      pipe(
        allOrNothing((own) => prepareShards(own, step, specs, name, source, execution))(pool),
        TE.map((summed) => {
          rest += summed.bytes.inputs + summed.sets * summed.bytes.set
          return evaluationOf(prepared, guard)(summed)
        })
      ),
    memory: () => ({
      state: bytesOf(floats, specs.state),
      sets: sharded.sets,
      set: sharded.bytes.set,
      rest,
      workers: pool.workers,
      working: pool.workingBytes()
    }),
    share: guard.whole(() => ranks.broadcast(spansOf(floats, state).map(view(memory, floats)))()),
    compare: guard.whole(compareOf(prepared))
  }
}

const prepareFold =
  (step: Step, execution: Execution) =>
  (pool: Pool): TE.TaskEither<WorkerError, Fold> => {
    const { floats } = pool.device
    const { program, captured } = step.update
    return pipe(
      TE.fromEither(stepSpecs(step)),
      TE.bindTo('specs'),
      TE.let('allocated', ({ specs }): FoldSpecs => ({
        ...specs,
        captured: captured.map(({ shape, dtype }): Spec => ({ shape, dtype }))
      })),
      TE.bind('memory', () => TE.fromIOEither(pool.memory)),
      TE.bind('slots', ({ memory, allocated }) => TE.fromIOEither(allocateSlots(memory, floats, allocated))),
      TE.chainFirst(({ memory, slots }) =>
        TE.fromIOEither(writeSlots(memory, floats)('update', slots.captured, captured.map(peek)))
      ),
      TE.bind('sharded', ({ specs }) => prepareShards(pool, step, specs, 'shardGrad', step.shardGrad, execution)),
      TE.bind('update', () => preparePartitionedUpdate(pool, program, step.state, execution.limits)),
      TE.map((loaded) => foldOf({ pool, step, execution, ...loaded }))
    )
  }

/** Folds whose programs are loaded on a pool, and whose arrays are in its memory. */
export const pooledFold = (pool: Pool, execution: Execution = {}): FoldMaker => ({
  make: (step) => allOrNothing(prepareFold(step, execution))(pool)
})
