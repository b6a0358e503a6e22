/**
 * The order in which many shards are computed and summed, few at once: gradient accumulation that keeps the fixed tree.
 *
 * Shards come in waves of as many as may be held at once, down to a power of two, so that each wave is a subtree of the tree over all
 * shards. Sums of waves wait until their neighbour is there: `ceil(log2(shards / atOnce))` of them at most.
 */

export type Phase =
  /** Computes shards, each into a set of arrays, in any order. */
  | { readonly _tag: 'map'; readonly shards: ReadonlyArray<{ readonly shard: number; readonly set: number }> }
  /** Sums sets in the tree over as many, into another one. */
  | { readonly _tag: 'sum'; readonly from: ReadonlyArray<number>; readonly to: number }

export type Waves = {
  readonly phases: ReadonlyArray<Phase>
  /** How many sets there are. */
  readonly sets: number
  /** The set that holds the sum in the end. */
  readonly result: number
}

/** Bytes of shards' results that are held at once before they are computed in waves. */
const ample = 2 ** 28

/** The largest power of two that is not above `most`, a positive integer, at most 2^30. */
const powerOfTwoUpTo = (most: number): number => 1 << (31 - Math.clz32(Math.min(most, 2 ** 30)))

/** The smallest power of two that is not below `least`, at most 2^30. */
const powerOfTwoFrom = (least: number): number => 1 << (32 - Math.clz32(least - 1))

/** How many shards of so many bytes are held at once: all, or enough to keep the workers busy. */
export const defaultShardsAtOnce = (bytes: number, shards: number, workers: number): number =>
  bytes * shards <= ample ? shards : Math.min(shards, powerOfTwoFrom(workers))

/** Waves of at most `atOnce` shards. Both are positive integers. */
export const wavesOf = (shards: number, atOnce: number): Waves => {
  const width = atOnce >= shards ? shards : powerOfTwoUpTo(atOnce)
  const phases: Array<Phase> = []
  const free: Array<number> = []
  let sets = 0
  const take = (): number => free.pop() ?? sets++
  const sum = (from: ReadonlyArray<number>): number => {
    if (from.length === 1) return from[0]
    const to = take()
    phases.push({ _tag: 'sum', from, to })
    free.push(...from)
    return to
  }

  /** Sums that wait, of fewer and fewer shards. */
  const waiting: Array<{ readonly set: number; readonly shards: number }> = []
  const join = (): void => {
    const [left, right] = waiting.splice(-2)
    waiting.push({ set: sum([left.set, right.set]), shards: left.shards + right.shards })
  }
  for (let first = 0; first < shards; first += width) {
    const wave = Array.from({ length: Math.min(width, shards - first) }, (_, i) => ({ shard: first + i, set: take() }))
    phases.push({ _tag: 'map', shards: wave })
    waiting.push({ set: sum(wave.map(({ set }) => set)), shards: wave.length })
    while (waiting.length > 1 && waiting[waiting.length - 2].shards === waiting[waiting.length - 1].shards) join()
  }
  while (waiting.length > 1) join()
  return { phases, sets, result: waiting[0].set }
}

/** All shards at once, for a sum that is made elsewhere, in the set after theirs. */
export const oneWaveOf = (shards: number): Waves => ({
  phases: [{ _tag: 'map', shards: Array.from({ length: shards }, (_, shard) => ({ shard, set: shard })) }],
  sets: shards + 1,
  result: shards
})
