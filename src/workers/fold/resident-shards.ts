/**
 * Sums over the shards of a batch on one device: one shard after the other, in the fixed tree.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Spec } from '../../tensor/program/program.js'
import type { DeviceBuffer, DeviceError } from '../../tensor/run/device.js'
import type { Arranged, Arrangement } from './arrangement.js'
import type { Arrays } from './fold.js'
import { loaded, type Ground, type Loaded } from './ground.js'
import { treeSumProgram } from './tree-sum.js'

export type GradientSet = Arranged & { readonly metrics: ReadonlyArray<DeviceBuffer> }

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

export type Shards = {
  /** The sums over all shards of what a program makes, in buffers that are given back with `giveBack`. */
  readonly sum: (
    read: ReadonlyArray<DeviceBuffer>,
    shardInputs: ReadonlyArray<Arrays>
  ) => TE.TaskEither<DeviceError, GradientSet>
  readonly sets: Sets
}

type Tree = {
  readonly sets: Sets
  readonly program: Loaded
  /** Adds two sets; `undefined` where there is one shard, and nothing to add. */
  readonly add: Loaded | undefined
}

/** Makes the last two sums one. */
const joinLast = async ({ sets, add }: Tree, partials: Array<Partial>): Promise<E.Either<DeviceError, void>> => {
  const [left, right] = partials.slice(-2)
  const taken = await sets.take()
  if (E.isLeft(taken)) return taken
  const set = taken.right
  const added =
    add === undefined
      ? E.right<DeviceError, void>(undefined)
      : await add.run([...summands(left.set), ...summands(right.set)], summands(set))()
  if (E.isLeft(added)) {
    sets.giveBack(set)
    return added
  }
  partials.splice(-2, 2, { shards: left.shards + right.shards, set })
  sets.giveBack(left.set)
  sets.giveBack(right.set)
  return E.right(undefined)
}

const areEqual = (partials: ReadonlyArray<Partial>): boolean => partials.at(-2)?.shards === partials.at(-1)?.shards

/** Computes a shard, and joins sums over equally many. */
const addShard = async (
  tree: Tree,
  read: ReadonlyArray<DeviceBuffer>,
  inputs: Arrays,
  partials: Array<Partial>
): Promise<E.Either<DeviceError, void>> => {
  const taken = await tree.sets.take()
  if (E.isLeft(taken)) return taken
  partials.push({ shards: 1, set: taken.right })
  const ran = await tree.program.run([...read, ...inputs], taken.right.list)()
  if (E.isLeft(ran)) return ran
  while (partials.length > 1 && areEqual(partials)) {
    const joined = await joinLast(tree, partials)
    if (E.isLeft(joined)) return joined
  }
  return E.right(undefined)
}

/**
 * Two sums over equally many shards become one at once, and those that are left in the end from the right: which is the tree that splits
 * at the largest power of two.
 */
const sumOf =
  (tree: Tree): Shards['sum'] =>
  (read, shardInputs) =>
  async () => {
    const partials: Array<Partial> = []
    const summed = async (): Promise<E.Either<DeviceError, void>> => {
      for (const inputs of shardInputs) {
        const done = await addShard(tree, read, inputs, partials)
        if (E.isLeft(done)) return done
      }
      while (partials.length > 1) {
        const joined = await joinLast(tree, partials)
        if (E.isLeft(joined)) return joined
      }
      return E.right(undefined)
    }
    const done = await summed()
    if (E.isRight(done)) return E.right(partials[0].set)
    partials.forEach(({ set }) => tree.sets.giveBack(set))
    return done
  }

/** What sums up the shards of a program whose outputs are the gradients and metrics of a step. */
export const shardsOn = (
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
    TE.map((add) => ({ sets, sum: sumOf({ sets, program, add }) }))
  )
}
