/**
 * Sums in a fixed order: the tree over shards [lo, hi) splits at the largest power of two below hi - lo.
 *
 * Floating-point addition is not associative, so the order of a sum is part of its value. The tree depends on the number
 * of shards only: never on who computed them, or which came first.
 */

import type { Data } from '../../tensor/dtype.js'
import { inputNode, binaryNode, type Tensor } from '../../tensor/tensor.js'
import { invalidArgument } from '../../tensor/fault.js'
import { lower } from '../../tensor/program/lower.js'
import type { Program, Spec } from '../../tensor/program/program.js'
import { blocksOf } from '../../tensor/program/partition/runs.js'

/** The largest power of two that is not above `n`, a positive 32-bit integer. By its bits: a logarithm may round. */
const largestPowerOfTwo = (n: number): number => 1 << (31 - Math.clz32(n))

/** Combines `xs[lo .. hi)` as the tree says: `combine(left half, right half)`. Needs at least one element. */
export const foldTree =
  <A>(combine: (left: A, right: A) => A) =>
  (xs: ReadonlyArray<A>): A => {
    if (xs.length === 0) throw invalidArgument('foldTree', 'nothing', 'at least one element')
    const over = (lo: number, hi: number): A => {
      if (hi - lo === 1) return xs[lo]
      const split = lo + largestPowerOfTwo(hi - lo - 1)
      return combine(over(lo, split), over(split, hi))
    }
    return over(0, xs.length)
  }

/**
 * The program that sums `shards` sets of arrays, each of the given specs: inputs are set 0, set 1, ..., outputs one set.
 * f32 is added in the tree's order; i32 and u32 wrap.
 *
 * Throws a `TensorFault` where there are no shards, or a spec is bool.
 */
export const treeSumProgram = (specs: ReadonlyArray<Spec>, shards: number): Program => {
  if (!Number.isSafeInteger(shards) || shards < 1)
    throw invalidArgument('treeSum', `${shards} shards`, 'a positive integer')
  const sets = Array.from({ length: shards }, (_, shard) =>
    specs.map(({ shape, dtype }, leaf) => inputNode(`${shard}.${leaf}`, shape, dtype))
  )
  const total = foldTree<ReadonlyArray<Tensor>>((left, right) => left.map((x, i) => binaryNode('add', x, right[i])))
  const outputs = total(sets).map((tensor, leaf) => ({ name: String(leaf), tensor }))
  return lower(outputs, sets.flat()).program
}

/** Elements that are added at a time: few enough to stay in a cache. */
const blockLength = 2 ** 12

const sumOf = (x: Data, y: Data): Data => {
  const sum = x.slice()
  for (let i = 0; i < sum.length; i++) sum[i] += y[i]
  return sum
}

/** Writes the sum of arrays of one kind and length `into` another, in the tree's order, with the bits of the program above. */
export const addInTree = (arrays: ReadonlyArray<Data>, into: Data): void => {
  for (const { start, size } of blocksOf(into.length, blockLength)) {
    const blocks = arrays.map((array) => array.subarray(start, start + size))
    into.set(foldTree(sumOf)(blocks), start)
  }
}
