/**
 * How the shards of one program are computed and summed, known before anything is loaded: which of them are this rank's, in
 * which waves, and in which parts the sums are made. It changes no bit.
 */

import { bytesPerElement, type FloatWidth } from '../../tensor/dtype.js'
import type { Device } from '../../tensor/run/device.js'
import { finishOrder } from '../../tensor/program/finish.js'
import { defaultPartitionLimits, partsFor, type PartitionLimits } from '../../tensor/program/partition/limits.js'
import { evenRuns } from '../../tensor/program/partition/runs.js'
import { outputSpecs, type Program, type Spec } from '../../tensor/program/program.js'
import { sizeOf } from '../../tensor/shape.js'
import { solo, type Ranks } from '../ranks/ranks.js'
import { pick } from './pick.js'
import { defaultShardsAtOnce, oneWaveOf, wavesOf, type Waves } from './waves.js'

/** How a fold is carried out: where and when, never what. */
export type Execution = {
  /** How many shards are held at once: a positive integer. Waves are of the power of two that is not above it. */
  readonly shardsAtOnce?: number
  /** Who shares the shards: nobody else, where not given. */
  readonly ranks?: Ranks
  /** From which sizes on work is divided: the same on all ranks. */
  readonly limits?: PartitionLimits
  /** How many shards of a rank the calling thread adds by itself while they are computed: the same on all ranks. */
  readonly mostAdded?: number
}

/** It must not take longer to add them than to compute them. */
const defaultMostAdded = 8

export type ShardPlan = {
  /** How many shards this rank computes, and the first of them. */
  readonly mine: number
  readonly first: number
  readonly waves: Waves
  /** The order in which outputs stand in memory. */
  readonly order: ReadonlyArray<number>
  /** The positions of outputs that are summed at a time, neighbours in that order. */
  readonly parts: ReadonlyArray<ReadonlyArray<number>>
  /** Whether parts are summed, and exchanged, while later ones are still being computed. */
  readonly isEarly: boolean
}

const bytesOf = (specs: ReadonlyArray<Spec>, floats: FloatWidth): ReadonlyArray<number> =>
  specs.map(({ shape, dtype }) => sizeOf(shape) * bytesPerElement(dtype, floats))

const total = (bytes: ReadonlyArray<number>): number => bytes.reduce((a, b) => a + b, 0)

/**
 * The plan of a program over `shards` shards, a multiple of the ranks, on so many workers.
 *
 * All ranks exchange the same parts in the same order, though each has its own memory and workers: only what all have alike, with
 * devices of one kind, decides on `order` and `parts`.
 */
export const planShards = (
  program: Program,
  shards: number,
  workers: number,
  { floats, limits: deviceLimits }: Pick<Device, 'floats' | 'limits'>,
  { shardsAtOnce, ranks = solo, limits = defaultPartitionLimits, mostAdded = defaultMostAdded }: Execution
): ShardPlan => {
  const outputs = outputSpecs(program)
  const mine = shards / ranks.ranks
  const atOnce = shardsAtOnce ?? defaultShardsAtOnce(total(bytesOf(outputs, floats)), mine, workers)
  const bytes = bytesOf(outputs, 'float32')
  const count = partsFor(total(bytes), limits)
  const isInFinishOrder = ranks.ranks > 1 && mine <= mostAdded && count > 1
  const order = isInFinishOrder ? finishOrder(program, deviceLimits) : outputs.map((_, position) => position)
  const isEarly = isInFinishOrder && mine <= atOnce
  return {
    mine,
    first: mine * ranks.rank,
    waves: isEarly ? oneWaveOf(mine) : wavesOf(mine, atOnce),
    order,
    parts: evenRuns(pick(order, bytes), count).map((run) => pick(run, order)),
    isEarly
  }
}
