/**
 * One program run once per shard, and the sum of its outputs over the shards in the fixed tree: a map and a reduction.
 *
 * Shards go to whichever worker is free, all at once or in waves, as there is room for what they give. A sum is cut into parts
 * that run in parallel too; the cut depends on the program, not on the pool. The sum over one shard is what that shard gave.
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
import { bytesPerElement, type Data, type FloatWidth } from '../../tensor/dtype.js'
import { peek } from '../../tensor/literal.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { finishOrder } from '../../tensor/program/finish.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import { sizeOf } from '../../tensor/shape.js'
import { agree, rejected } from './agreement.js'
import type { WorkerError } from '../error.js'
import { exchange, spansOf, type Exchange } from '../ranks/exchange.js'
import { layOut } from '../pool/layout.js'
import { readyPrefix } from './ready-prefix.js'
import { allocateSlots, readSlots, view, writeSlots, type Slot } from '../pool/memory.js'
import { pick } from './pick.js'
import type { Listener, Pool } from '../pool/pool.js'
import { solo, type Ranks } from '../ranks/ranks.js'
import type { ProgramId, Task } from '../pool/runner.js'
import { evenRuns, partsFor } from '../../tensor/program/partition/runs.js'
import { addInTree, treeSumProgram } from './tree-sum.js'
import { oneWaveOf, roomFor, wavesOf, type Phase } from './waves.js'

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

/** How a sum is carried out. */
export type Execution = {
  /** For how many shards there is room at once: a power of two, or all of them. It changes no bit. */
  readonly room?: number
  /** Who shares the shards: nobody else, where not given. */
  readonly ranks?: Ranks
}

const check = (
  name: string,
  { program, captured }: Lowered,
  shared: ReadonlyArray<Spec>,
  shards: number,
  { ranks }: Ranks
): E.Either<WorkerError, void> => {
  if (!Number.isSafeInteger(shards) || shards < 1) return rejected(name, `${shards} shards`, 'a positive integer')
  if (shards % ranks !== 0) return E.left({ _tag: 'WrongRankCount', found: ranks, shards })
  if (program.inputs.length < shared.length + captured.length)
    return rejected(name, `${program.inputs.length} inputs`, `at least ${shared.length + captured.length}`)
  const bool = outputSpecs(program).findIndex(({ dtype }) => dtype === 'bool')
  if (bool >= 0) return rejected(name, `bool as output ${bool}`, 'numbers, which have a sum')
  return agree(name, 'shared inputs', program.inputs.slice(0, shared.length), shared)
}

const bytesOf = (specs: ReadonlyArray<Spec>, floats: FloatWidth): ReadonlyArray<number> =>
  specs.map(({ shape, dtype }) => sizeOf(shape) * bytesPerElement(dtype, floats))

const total = (bytes: ReadonlyArray<number>): number => bytes.reduce((a, b) => a + b, 0)

/** A part of the sum of some number of sets. */
type PartialSum = { readonly program: ProgramId; readonly leaves: ReadonlyArray<number> }

/** The positions of outputs that are summed at a time, neighbours in an order of them. */
const partsOf = (outputs: ReadonlyArray<Spec>, order: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => {
  const bytes = bytesOf(pick(order, outputs), 'float32')
  return evenRuns(bytes, partsFor(total(bytes))).map((run) => pick(run, order))
}

/** What was in this order, by position. */
const inPlaces = <A>(order: ReadonlyArray<number>, list: ReadonlyArray<A>): ReadonlyArray<A> => {
  const places = new Map(order.map((position, i) => [position, i]))
  return list.map((_, position) => list[places.get(position) ?? position])
}

/** Loads the sums of each number of sets that some phase has. */
const loadSums = (
  pool: Pool,
  outputs: ReadonlyArray<Spec>,
  parts: ReadonlyArray<ReadonlyArray<number>>,
  phases: ReadonlyArray<Phase>
): TE.TaskEither<WorkerError, ReadonlyMap<number, ReadonlyArray<PartialSum>>> => {
  const counts = new Set(phases.flatMap((phase) => (phase._tag === 'sum' ? [phase.from.length] : [])))
  return pipe(
    [...counts],
    TE.traverseSeqArray((count) =>
      pipe(
        parts,
        TE.traverseSeqArray((leaves) =>
          pipe(
            pool.load(treeSumProgram(pick(leaves, outputs), count)),
            TE.map((program): PartialSum => ({ program, leaves }))
          )
        ),
        TE.map((loaded) => [count, loaded] as const)
      )
    ),
    TE.map((entries) => new Map(entries))
  )
}

/** How many shards this thread adds while they are computed: it must not take longer than they do. */
const mostAdded = 8

/**
 * Loads `source` and its sum, and allocates their memory. `name` is what errors call the program.
 *
 * Inputs of the program: first the `shared` specs, one array for all shards; then each shard's own; last the captured
 * literals. Fails with `ProgramRejected` where the inputs do not begin so, an output is bool, or there is no shard, and with
 * `WrongRankCount`.
 */
export const prepareShardedSum = (
  pool: Pool,
  name: string,
  source: Lowered,
  shared: ReadonlyArray<Spec>,
  shards: number,
  { room, ranks = solo }: Execution = {}
): TE.TaskEither<WorkerError, ShardedSum> => {
  const { program, captured } = source
  const own = program.inputs.slice(shared.length, program.inputs.length - captured.length)
  const constants = captured.map(({ shape, dtype }): Spec => ({ shape, dtype }))
  const outputs = outputSpecs(program)
  const { floats } = pool.device
  const bytes = total(bytesOf(outputs, floats))
  const mine = shards / ranks.ranks
  const first = mine * ranks.rank
  const held = room ?? roomFor(bytes, mine, pool.workers)
  // All ranks exchange the same parts in the same order, though each has its own room: only what all have alike decides on that.
  const isInFinishOrder = ranks.ranks > 1 && mine <= mostAdded && partsFor(total(bytesOf(outputs, 'float32'))) > 1
  const isEarly = isInFinishOrder && mine <= held
  const order = isInFinishOrder ? finishOrder(program) : outputs.map((_, position) => position)
  const parts = partsOf(outputs, order)
  return pipe(
    TE.fromEither(check(name, source, shared, shards, ranks)),
    TE.map(() => (isEarly ? oneWaveOf(mine) : wavesOf(mine, held))),
    TE.bindTo('waves'),
    TE.bind('memory', () => TE.fromIOEither(pool.memory)),
    TE.bind('slots', ({ memory, waves: { sets } }) =>
      TE.fromIOEither(
        allocateSlots(memory, floats, {
          captured: constants,
          inputs: RA.replicate(mine, own),
          outputs: RA.replicate(sets, pick(order, outputs))
        })
      )
    ),
    TE.chainFirst(({ memory, slots }) =>
      TE.fromIOEither(writeSlots(memory, floats)(name, slots.captured, captured.map(peek)))
    ),
    TE.bind('map', () => pool.load(program)),
    TE.bind('reductions', ({ waves: { phases } }) => loadSums(pool, outputs, parts, phases)),
    TE.map(({ waves: { phases, result }, memory, slots, map, reductions }) => {
      const sets = slots.outputs.map((set) => inPlaces(order, set))
      const sums = sets[result]
      const write = writeSlots(memory, floats)
      const spansIn = (set: ReadonlyArray<Slot>): ReadonlyArray<ReadonlyArray<Slot>> =>
        parts.map((leaves) => spansOf(floats, pick(leaves, set)))
      const spans = spansIn(sums)
      return {
        sums,
        sets: sets.length,
        bytes: {
          set: layOut(floats, outputs).bytes,
          inputs: layOut(floats, [constants, RA.replicate(mine, own)]).bytes
        },
        write: (inputs) =>
          inputs.length === shards
            ? pipe(
                inputs.slice(first, first + mine),
                IOE.traverseSeqArrayWithIndex((shard, data) =>
                  write(`${name}, shard ${first + shard}`, slots.inputs[shard], data)
                ),
                IOE.map(() => undefined)
              )
            : IOE.left({
                _tag: 'WrongInputs',
                where: name,
                found: `${inputs.length} shards`,
                expected: String(shards)
              }),
        run: (sharedSlots) => {
          const tasks = (phase: Phase): ReadonlyArray<Task> =>
            phase._tag === 'map'
              ? phase.shards.map(({ shard, set }) => ({
                  program: map,
                  inputs: [...sharedSlots, ...slots.inputs[shard], ...slots.captured],
                  outputs: sets[set],
                  ...(isEarly ? { groups: parts } : {})
                }))
              : (reductions.get(phase.from.length) ?? []).map(({ program: sum, leaves }) => ({
                  program: sum,
                  inputs: phase.from.flatMap((set) => pick(leaves, sets[set])),
                  outputs: pick(leaves, sets[phase.to])
                }))
          const last = phases.length - 1
          const views = RA.map(RA.map(view(memory, floats)))
          const run = ({ ready, summed }: Exchange): TE.TaskEither<WorkerError, void> => {
            const shares = isEarly ? sets.slice(0, mine).map((set) => views(spansIn(set))) : []
            const add = (part: number): void => {
              views(spans)[part].forEach((into, i) =>
                addInTree(
                  shares.map((share) => share[part][i]),
                  into
                )
              )
              ready(part)
            }
            const listener = (i: number, { _tag }: Phase): Listener => {
              if (isEarly) return readyPrefix(mine, parts.length, add)
              return i === last && _tag === 'sum' ? { done: ready } : {}
            }
            return pipe(
              phases,
              TE.traverseSeqArrayWithIndex((i, phase) => pool.run(tasks(phase), listener(i, phase))),
              TE.chainFirstIOK(() => () => parts.forEach((_, part) => ready(part))),
              TE.chain(() => summed)
            )
          }
          return pipe(TE.fromIO<Exchange, WorkerError>(exchange(ranks, views(spans))), TE.chain(run))
        },
        read: readSlots(memory, floats)(sums)
      }
    })
  )
}
