/**
 * A fold whose step is spread over a pool, cut in three programs:
 *
 *     shardGrad(read state, shard inputs)          -> gradients, metrics     once per shard
 *     sum over the shards, in the fixed tree                                 gradients and metrics alike
 *     update(state, summed gradients, inputs)      -> state, report          once, in parts
 *
 * The state exists once in the pool's memory. `update` replaces it part by part, each computed aside before it is copied into
 * place (`partitioned-update.ts`); until it begins, a step that fails leaves the state as it was. The number of shards belongs to the
 * step; the number of workers decides only when and where a shard is computed, so any number gives the same bits.
 *
 * Several ranks carry out one fold: each has the whole state and some of the shards, and updates from the same sums.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Data, FloatWidth } from '../../tensor/dtype.js'
import { peek } from '../../tensor/literal.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import { agree, rejected } from './agreement.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import type { WorkerError } from '../error.js'
import { checksum } from '../ranks/checksum.js'
import { spansOf } from '../ranks/exchange.js'
import { allOrNothing } from '../pool/all-or-nothing.js'
import { layOut, type PerSpec } from '../pool/layout.js'
import type { MemoryPlan } from './memory-plan.js'
import { allocateSlots, freeSlots, readSlots, view, writeSlots, type Slot } from '../pool/memory.js'
import { pick } from './pick.js'
import type { Pool } from '../pool/pool.js'
import { inOrder } from '../../tensor/in-order.js'
import { preparePartitionedUpdate, type PartitionedUpdate } from './partitioned-update.js'
import { solo, together } from '../ranks/ranks.js'
import type { Execution } from './shard-plan.js'
import { prepareShardedSum, type ShardedSum } from './sharded-sum.js'

/** Arrays in the order of a program's inputs or outputs. */
export type Arrays = ReadonlyArray<Data>

export type Step = {
  /** How many shards a batch is cut into: part of what the step computes. */
  readonly shards: number
  /** How many arrays the state has. */
  readonly state: number
  /** Which of them `shardGrad` and evaluations read, as positions in the state: most often the parameters. */
  readonly reads: ReadonlyArray<number>
  /** How many of the outputs of `shardGrad` go on to `update`; those that follow are metrics. */
  readonly gradients: number
  /** Inputs: the arrays that are read, then those of the shard. Outputs: gradients, then metrics. */
  readonly shardGrad: Lowered
  /** Inputs: the state, the summed gradients, then those of the step. Outputs: the next state, then the report. */
  readonly update: Lowered
}

export type StepOutputs = {
  /** The metrics of `shardGrad`, summed over the shards. */
  readonly metrics: Arrays
  /** What `update` says beyond the state. */
  readonly report: Arrays
}

/** Sums over the shards of what a program says of the state as it is. */
export type Evaluation = (shardInputs: ReadonlyArray<Arrays>) => TE.TaskEither<WorkerError, Arrays>

/** The fold in its present state. Calls that overlap are carried out one after the other. */
export type Fold = {
  /** Sets the state, which is all zeros before. Fails with `WrongInputs`, and then changes nothing. */
  readonly write: (state: Arrays) => TE.TaskEither<WorkerError, void>
  /**
   * Computes arrays of the state in their places: the outputs of a program that reads `inputs`, to `positions`. `name` is what
   * errors call it. Where it does not fit, with `ProgramRejected` or `WrongInputs`, nothing changes; `StateTorn` after that.
   */
  readonly fill: (
    name: string,
    source: Lowered,
    positions: ReadonlyArray<number>,
    inputs: Arrays
  ) => TE.TaskEither<WorkerError, void>
  /** Copies of the state. Where that is torn they are none. */
  readonly read: T.Task<Arrays>
  /**
   * One step of the state; a `Left` leaves it as it was, but `StateTorn`: the fold then waits for a state to be written.
   * `shardInputs[shard]` are the arrays of that shard: of all shards, on every rank.
   */
  readonly step: (shardInputs: ReadonlyArray<Arrays>, updateInputs: Arrays) => TE.TaskEither<WorkerError, StepOutputs>
  /**
   * Prepares another program on the same state and number of shards. Inputs: the arrays that are read, then those of
   * the shard. Its outputs are summed in the same fixed tree.
   */
  readonly evaluation: (name: string, source: Lowered) => TE.TaskEither<WorkerError, Evaluation>
  /** What the step, and the evaluations that are prepared by now, take of the pool's memory. */
  readonly memory: IO<MemoryPlan>
  /** Gives every rank the state of rank 0. */
  readonly share: TE.TaskEither<WorkerError, void>
  /** Fails on every rank where one has another state than rank 0: there with `RanksDiffer`. */
  readonly compare: TE.TaskEither<WorkerError, void>
}

type UpdateSpecs = {
  readonly state: ReadonlyArray<Spec>
  readonly report: ReadonlyArray<Spec>
  readonly updateInputs: ReadonlyArray<Spec>
}

/** What `update` takes and gives beyond the gradients, once everything that passes between the programs agrees. */
const updateSpecsOf = ({ state, reads, gradients, shardGrad, update }: Step): E.Either<WorkerError, UpdateSpecs> => {
  const given = update.program.inputs
  const made = outputSpecs(update.program)
  const fixed = state + gradients + update.captured.length
  const passed = outputSpecs(shardGrad.program).slice(0, gradients)
  const stray = reads.find((i) => !(Number.isSafeInteger(i) && i >= 0 && i < state))
  if (stray !== undefined) return rejected('shardGrad', `a read of array ${stray} of the state`, `one of ${state}`)
  if (passed.length < gradients) return rejected('shardGrad', `${passed.length} outputs`, `at least ${gradients}`)
  if (given.length < fixed) return rejected('update', `${given.length} inputs`, `at least ${fixed}`)
  return pipe(
    agree('update', 'outputs of state', made.slice(0, state), given.slice(0, state)),
    E.chain(() => agree('update', 'inputs of gradients', given.slice(state, state + gradients), passed)),
    E.map(() => ({
      state: given.slice(0, state),
      report: made.slice(state),
      updateInputs: given.slice(state + gradients, given.length - update.captured.length)
    }))
  )
}

const prepareShards = (
  pool: Pool,
  { reads, shards }: Step,
  { state }: UpdateSpecs,
  name: string,
  source: Lowered,
  execution: Execution
): TE.TaskEither<WorkerError, ShardedSum> =>
  prepareShardedSum(pool, name, source, pick(reads, state), shards, execution)

/** Runs a program into slots that are there, with slots of its own only for what it reads, and only for the time. */
const runInto = (
  pool: Pool,
  name: string,
  { program, captured }: Lowered,
  inputs: Arrays,
  outputs: ReadonlyArray<Slot>
): TE.TaskEither<WorkerError, void> => {
  const { floats } = pool.device
  return pipe(
    TE.fromIOEither(pool.memory),
    TE.bindTo('memory'),
    TE.bind('id', () => pool.load(program)),
    TE.bind('slots', ({ memory }) => TE.fromIOEither(allocateSlots(memory, floats, program.inputs))),
    TE.chain(({ memory, id, slots }) =>
      pipe(
        TE.fromIOEither(writeSlots(memory, floats)(name, slots, [...inputs, ...captured.map(peek)])),
        TE.chain(() =>
          pipe(
            pool.run([{ program: id, inputs: slots, outputs }]),
            TE.mapLeft((cause): WorkerError => ({ _tag: 'StateTorn', cause }))
          )
        ),
        T.chainFirstIOK(() => freeSlots(memory, floats)(slots))
      )
    )
  )
}

/** The arrays that a fold holds beside its gradients. */
type FoldSpecs = {
  readonly state: ReadonlyArray<Spec>
  readonly updateInputs: ReadonlyArray<Spec>
  readonly captured: ReadonlyArray<Spec>
  readonly report: ReadonlyArray<Spec>
}

type PreparedFold = {
  readonly pool: Pool
  readonly step: Step
  readonly execution: Execution
  readonly specs: UpdateSpecs
  readonly memory: Memory
  readonly allocated: FoldSpecs
  readonly slots: PerSpec<FoldSpecs, Slot>
  readonly sharded: ShardedSum
  readonly update: PartitionedUpdate
}

const bytesOf = (floats: FloatWidth, specs: unknown): number => layOut(floats, specs).bytes

/** Work on the state in order, and only while it is one: an update that tears it is remembered until a state is written. */
const guardState = () => {
  const gate = inOrder()
  let torn: WorkerError | undefined
  return {
    gate,
    /** What reads the state, while it is one. */
    whole: <A>(work: TE.TaskEither<WorkerError, A>): TE.TaskEither<WorkerError, A> =>
      gate(async () => (torn === undefined ? work() : E.left(torn))),
    /** What replaces some of it. */
    replacing: TE.mapLeft((e: WorkerError) => {
      if (e._tag === 'StateTorn') torn = e
      return e
    }),
    mend: (): void => {
      torn = undefined
    }
  }
}

const fillOf =
  (
    { pool, specs, slots: { state } }: PreparedFold,
    { whole, replacing }: ReturnType<typeof guardState>
  ): Fold['fill'] =>
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
  { whole, replacing }: ReturnType<typeof guardState>
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

const foldOf = (prepared: PreparedFold): Fold => {
  const { pool, step, execution, specs, memory, allocated, slots, sharded, update } = prepared
  const { floats } = pool.device
  const { ranks = solo } = execution
  const { state } = slots
  const guard = guardState()
  let rest = bytesOf(floats, allocated) - bytesOf(floats, specs.state) + sharded.bytes.inputs + update.bytes
  const evaluationOf =
    (summed: ShardedSum): Evaluation =>
    (shardInputs) =>
      guard.whole(
        pipe(
          TE.fromIOEither(summed.write(shardInputs)),
          TE.chain(() => summed.run(pick(step.reads, state))),
          TE.map(() => summed.read())
        )
      )
  return {
    write: (arrays) =>
      guard.gate(pipe(TE.fromIOEither(writeSlots(memory, floats)('state', state, arrays)), TE.map(guard.mend))),
    fill: fillOf(prepared, guard),
    read: guard.gate(() => Promise.resolve(readSlots(memory, floats)(state)())),
    step: stepOf(prepared, guard),
    evaluation: (name, source) =>
      pipe(
        allOrNothing((own) => prepareShards(own, step, specs, name, source, execution))(pool),
        TE.map((summed) => {
          rest += summed.bytes.inputs + summed.sets * summed.bytes.set
          return evaluationOf(summed)
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

/**
 * Loads the programs of a step on a pool and allocates all its memory.
 *
 * Fails with `ProgramRejected` where the programs do not fit one another, with `WrongRankCount`, with `OutOfMemory`, or with
 * what a device says, and then leaves the memory as it was.
 */
export const prepareStep = (pool: Pool, step: Step, execution: Execution = {}): TE.TaskEither<WorkerError, Fold> =>
  allOrNothing((own) => prepareFold(own, step, execution))(pool)

const prepareFold = (pool: Pool, step: Step, execution: Execution): TE.TaskEither<WorkerError, Fold> => {
  const { floats } = pool.device
  const { program, captured } = step.update
  return pipe(
    TE.fromEither(updateSpecsOf(step)),
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
