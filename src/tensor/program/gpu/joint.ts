/**
 * Kernels that do not depend on one another as one launch: a GPU takes some microseconds for each, whatever is in it.
 */

import { depend, usesOf, type GpuKernel, type Uses } from './gpu-kernel.js'
import type { GpuLimits } from './gpu-limits.js'

/** How far after a kernel those are looked for that could run with it. */
const farthest = 32

const unite = (a: Uses, b: Uses): Uses => ({
  reads: new Set([...a.reads, ...b.reads]),
  writes: new Set([...a.writes, ...b.writes])
})

const buffersOf = ({ reads, writes }: Uses): number => reads.size + writes.size

/** Products have workgroups of their own shapes. */
const mayJoin = ({ _tag }: GpuKernel): boolean => _tag !== 'contraction'

/**
 * Groups of what can run at once, each as early as the first of it: `uses` in an order in which it could run, alone or in groups.
 */
const pulled = (
  uses: ReadonlyArray<Uses>,
  joins: (group: ReadonlyArray<number>, k: number, used: Uses) => boolean
): ReadonlyArray<ReadonlyArray<number>> => {
  const taken = new Set<number>()
  const groups: Array<ReadonlyArray<number>> = []
  uses.forEach((own, first) => {
    if (taken.has(first)) return
    const group = [first]
    let used = own
    let passed: Uses = { reads: new Set(), writes: new Set() }
    for (let k = first + 1; k < Math.min(uses.length, first + farthest); k++) {
      if (taken.has(k)) continue
      const both = unite(used, uses[k])
      if (joins(group, k, both) && !depend(used, uses[k]) && !depend(passed, uses[k])) {
        group.push(k)
        used = both
      } else passed = unite(passed, uses[k])
    }
    group.forEach((k) => taken.add(k))
    groups.push(group)
  })
  return groups
}

const backwards = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> => [...list].reverse()

/**
 * The numbers of kernels that run at once, in an order in which they can. What finishes a sum is seldom waited for, so kernels are first put
 * off, to run with later ones, and what is left is then brought forward.
 */
export const joint = (
  kernels: ReadonlyArray<GpuKernel>,
  { joined, loops: { kernelBuffers } }: Pick<GpuLimits, 'joined' | 'loops'>
): ReadonlyArray<ReadonlyArray<number>> => {
  const uses = kernels.map(usesOf)
  const over = (groups: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<ReadonlyArray<number>> => {
    const fits = (list: ReadonlyArray<number>): boolean => list.flatMap((g) => groups[g]).length <= joined
    const isProduct = (g: number): boolean => !mayJoin(kernels[groups[g][0]])
    return pulled(
      groups.map((group) => group.map((k) => uses[k]).reduce(unite)),
      (group, g, used) =>
        !isProduct(group[0]) && !isProduct(g) && fits([...group, g]) && buffersOf(used) <= kernelBuffers
    ).map((list) => list.flatMap((g) => groups[g]))
  }
  const alone = kernels.map((_, k) => [k])
  return over(backwards(over(backwards(alone))))
}
