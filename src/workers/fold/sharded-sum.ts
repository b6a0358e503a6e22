/**
 * One program run once per shard, and the sum of its outputs over the shards in the fixed tree: a map and a reduction.
 *
 * Shards go to whichever worker is free, all at once or in waves. A sum is cut into parts that run in parallel too; the cut depends
 * on the program, not on the pool. The sum over one shard is what that shard gave.
 *
 * Several ranks have a block of the shards each: every rank sums its own in the tree over as many, and all sum those sums,
 * part by part, while the parts that follow are still being summed. Where a rank computes few shards, and all at once, that is
 * while the parts that follow are still being computed: in the order in which the program finishes them, this thread adds each
 * part, so that the workers go on, and to arrays of their own, so that any shard can be computed again.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as IOE from 'fp-ts/lib/IOEither.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../../tensor/dtype.js'
import { peek } from '../../tensor/literal.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import type { WorkerError } from '../error.js'
import { layOut } from '../pool/layout.js'
import { allocateSlots, readSlots, view, writeSlots, type Slot } from '../pool/memory.js'
import type { Listener, Pool } from '../pool/pool.js'
import type { ProgramId, ProgramTask } from '../pool/runner.js'
import { exchange, spansOf, type Exchange } from '../ranks/exchange.js'
import { solo } from '../ranks/ranks.js'
import { agreeOnShards, rejected } from './agreement.js'
import { pick } from './pick.js'
import { readyPrefix } from './ready-prefix.js'
import { planShards, type Execution, type ShardPlan } from './shard-plan.js'
import { addInTree, treeSumProgram } from './tree-sum.js'
import type { Phase } from './waves.js'

export type ShardedSum = {
  /** How many sets of results there are: shards that are computed at once, and sums that wait. */
  readonly sets: number
  /** Bytes of one set, and of all inputs. */
  readonly bytes: { readonly set: number; readonly inputs: number }
  /** Where the sums stand after `run`, in the order of the program's outputs. */
  readonly sums: ReadonlyArray<Slot>
  /**
   * Copies in each shard's own inputs, `inputs[shard][i]`: of all shards, of which a rank takes its own. Fails with
   * `WrongInputs`, before anything has run.
   */
  readonly write: (inputs: ReadonlyArray<ReadonlyArray<Data>>) => IOE.IOEither<WorkerError, void>
  /** Runs every shard on the shared inputs and its own, then sums. */
  readonly run: (shared: ReadonlyArray<Slot>) => TE.TaskEither<WorkerError, void>
  /** Copies of the sums. */
  readonly read: IO<ReadonlyArray<Data>>
}

const check = (
  name: string,
  source: Lowered,
  shared: ReadonlyArray<Spec>,
  shards: number,
  { shardsAtOnce = 1, ranks: { ranks } = solo }: Execution
): E.Either<WorkerError, void> => {
  if (!Number.isSafeInteger(shardsAtOnce) || shardsAtOnce < 1)
    return rejected(name, `${shardsAtOnce} shards at once`, 'a positive integer')
  const agreed = agreeOnShards(name, source, shared, shards)
  if (E.isLeft(agreed) || shards % ranks === 0) return agreed
  return E.left({ _tag: 'WrongRankCount', found: ranks, shards })
}

// ------------------------------------------------------------- loading

/** A part of the sum of some number of sets. */
type PartialSum = { readonly program: ProgramId; readonly leaves: ReadonlyArray<number> }

/** The parts of a sum, by the number of sets that are summed. */
type Sums = ReadonlyMap<number, ReadonlyArray<PartialSum>>

const loadSum =
  (pool: Pool, outputs: ReadonlyArray<Spec>, count: number) =>
  (leaves: ReadonlyArray<number>): TE.TaskEither<WorkerError, PartialSum> =>
    pipe(
      pool.load(treeSumProgram(pick(leaves, outputs), count)),
      TE.map((program) => ({ program, leaves }))
    )

/** Loads the sums of each number of sets that some phase has. */
const loadSums = (
  pool: Pool,
  outputs: ReadonlyArray<Spec>,
  { parts, waves }: ShardPlan
): TE.TaskEither<WorkerError, Sums> =>
  pipe(
    [...new Set(waves.phases.flatMap((phase) => (phase._tag === 'sum' ? [phase.from.length] : [])))],
    TE.traverseSeqArray((count) =>
      pipe(
        parts,
        TE.traverseSeqArray(loadSum(pool, outputs, count)),
        TE.map((loaded) => [count, loaded] as const)
      )
    ),
    TE.map((entries) => new Map(entries))
  )

// ------------------------------------------------------------- buffers

type SumBuffers = {
  readonly captured: ReadonlyArray<Slot>
  /** The inputs of each shard of this rank. */
  readonly inputs: ReadonlyArray<ReadonlyArray<Slot>>
  /** Each set in the order of the program's outputs. */
  readonly sets: ReadonlyArray<ReadonlyArray<Slot>>
}

/** What was in this order, by position. */
const inPlaces = <A>(order: ReadonlyArray<number>, list: ReadonlyArray<A>): ReadonlyArray<A> => {
  const places = new Map(order.map((position, i) => [position, i]))
  return list.map((_, position) => list[places.get(position) ?? position])
}

type InputSpecs = { readonly captured: ReadonlyArray<Spec>; readonly inputs: ReadonlyArray<ReadonlyArray<Spec>> }

/** All that is held at once beside the sets: captured literals, and each shard's own. */
const inputsOf = ({ program, captured }: Lowered, shared: number, mine: number): InputSpecs => ({
  captured: captured.map(({ shape, dtype }): Spec => ({ shape, dtype })),
  inputs: RA.replicate(mine, program.inputs.slice(shared, program.inputs.length - captured.length))
})

const allocateSumBuffers = (
  pool: Pool,
  memory: Memory,
  inputs: InputSpecs,
  outputs: ReadonlyArray<Spec>,
  { order, waves }: ShardPlan
): IOE.IOEither<WorkerError, SumBuffers> =>
  pipe(
    allocateSlots(memory, pool.device.floats, { ...inputs, outputs: RA.replicate(waves.sets, pick(order, outputs)) }),
    IOE.map((slots) => ({
      captured: slots.captured,
      inputs: slots.inputs,
      sets: slots.outputs.map((set) => inPlaces(order, set))
    }))
  )

// ------------------------------------------------------------- running

type PreparedSum = {
  readonly name: string
  readonly pool: Pool
  readonly memory: Memory
  readonly execution: Execution
  readonly shards: number
  readonly plan: ShardPlan
  readonly map: ProgramId
  readonly sums: Sums
  readonly buffers: SumBuffers
}

/** Each part of a set, as few arrays as can be. */
const partsIn = ({ pool, memory, plan: { parts } }: PreparedSum, set: ReadonlyArray<Slot>): Parts =>
  parts.map((leaves) => spansOf(pool.device.floats, pick(leaves, set)).map(view(memory, pool.device.floats)))

type Parts = ReadonlyArray<ReadonlyArray<Data>>

const tasksOf =
  (
    { plan: { isEarly, parts }, map, sums, buffers: { captured, inputs, sets } }: PreparedSum,
    shared: ReadonlyArray<Slot>
  ) =>
  (phase: Phase): ReadonlyArray<ProgramTask> =>
    phase._tag === 'map'
      ? phase.shards.map(({ shard, set }) => ({
          program: map,
          inputs: [...shared, ...inputs[shard], ...captured],
          outputs: sets[set],
          ...(isEarly ? { groups: parts } : {})
        }))
      : (sums.get(phase.from.length) ?? []).map(({ program, leaves }) => ({
          program,
          inputs: phase.from.flatMap((set) => pick(leaves, sets[set])),
          outputs: pick(leaves, sets[phase.to])
        }))

/** Adds a part of all shards, once they have finished it, and says that it is ready. */
const adding = (prepared: PreparedSum, into: Parts, ready: Exchange['ready']): ((part: number) => void) => {
  const shares = prepared.buffers.sets.slice(0, prepared.plan.mine).map((set) => partsIn(prepared, set))
  return (part) => {
    into[part].forEach((sum, i) =>
      addInTree(
        shares.map((share) => share[part][i]),
        sum
      )
    )
    ready(part)
  }
}

const runSum =
  (prepared: PreparedSum): ShardedSum['run'] =>
  (shared) => {
    const {
      pool,
      execution: { ranks = solo },
      plan: { mine, waves, parts, isEarly },
      buffers: { sets }
    } = prepared
    const tasks = tasksOf(prepared, shared)
    const last = waves.phases.length - 1
    const sums = partsIn(prepared, sets[waves.result])
    const run = ({ ready, summed }: Exchange): TE.TaskEither<WorkerError, void> => {
      const listener = (i: number, { _tag }: Phase): Listener => {
        if (isEarly) return readyPrefix(mine, parts.length, adding(prepared, sums, ready))
        return i === last && _tag === 'sum' ? { done: ready } : {}
      }
      return pipe(
        waves.phases,
        TE.traverseSeqArrayWithIndex((i, phase) => pool.run(tasks(phase), listener(i, phase))),
        TE.chainFirstIOK(() => () => parts.forEach((_, part) => ready(part))),
        TE.chain(() => summed)
      )
    }
    return pipe(TE.fromIO<Exchange, WorkerError>(exchange(ranks, sums)), TE.chain(run))
  }

const writeInputs =
  ({ name, pool, memory, shards, plan: { mine, first }, buffers }: PreparedSum): ShardedSum['write'] =>
  (inputs) =>
    inputs.length === shards
      ? pipe(
          inputs.slice(first, first + mine),
          IOE.traverseSeqArrayWithIndex((shard, data) =>
            writeSlots(memory, pool.device.floats)(`${name}, shard ${first + shard}`, buffers.inputs[shard], data)
          ),
          IOE.map(() => undefined)
        )
      : IOE.left({ _tag: 'WrongInputs', where: name, found: `${inputs.length} shards`, expected: String(shards) })

/**
 * Loads `source` and its sum, and allocates their memory. `name` is what errors call the program.
 *
 * Inputs of the program: first the `shared` specs, one array for all shards; then each shard's own; last the captured
 * literals. Fails with `ProgramRejected` where the inputs do not begin so, an output is bool, or there is no shard, or none at
 * once, and with `WrongRankCount`.
 */
export const prepareShardedSum = (
  pool: Pool,
  name: string,
  source: Lowered,
  shared: ReadonlyArray<Spec>,
  shards: number,
  execution: Execution = {}
): TE.TaskEither<WorkerError, ShardedSum> => {
  const { program, captured } = source
  const { floats } = pool.device
  const outputs = outputSpecs(program)
  return pipe(
    TE.fromEither(check(name, source, shared, shards, execution)),
    TE.map(() => planShards(program, shards, pool.workers, pool.device, execution)),
    TE.bindTo('plan'),
    TE.let('inputs', ({ plan }) => inputsOf(source, shared.length, plan.mine)),
    TE.bind('memory', () => TE.fromIOEither(pool.memory)),
    TE.bind('buffers', ({ memory, inputs, plan }) =>
      TE.fromIOEither(allocateSumBuffers(pool, memory, inputs, outputs, plan))
    ),
    TE.chainFirst(({ memory, buffers }) =>
      TE.fromIOEither(writeSlots(memory, floats)(name, buffers.captured, captured.map(peek)))
    ),
    TE.bind('map', () => pool.load(program)),
    TE.bind('sums', ({ plan }) => loadSums(pool, outputs, plan)),
    TE.map(({ inputs, ...loaded }) => {
      const prepared: PreparedSum = { name, pool, execution, shards, ...loaded }
      const { sets } = prepared.buffers
      const sums = sets[prepared.plan.waves.result]
      return {
        sums,
        sets: sets.length,
        bytes: { set: layOut(floats, outputs).bytes, inputs: layOut(floats, inputs).bytes },
        write: writeInputs(prepared),
        run: runSum(prepared),
        read: readSlots(prepared.memory, floats)(sums)
      }
    })
  )
}
