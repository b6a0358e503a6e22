/**
 * Kernels that do not depend on one another as one launch: a GPU takes some microseconds for each, whatever is in it.
 *
 * List scheduling by the critical path (Graham 1969, https://doi.org/10.1137/0117039): of the kernels that could be next, the one from which
 * most launches follow is, with as many others as its launch has room for; of equals the last, which leaves together what is alike and lies before it.
 */

import { usesOf, type GpuKernel, type GpuProduct, type Uses } from './gpu-kernel.js'
import type { GpuLimits } from './gpu-limits.js'

/**
 * How far from the first that is left those are that may be next: farther, there are fewer launches, and what is computed early is kept
 * longer. Counted for ELECTRA-Small and -Base (`bench/gpu/counts.mjs`).
 */
const usualFarthest = 512

/** Whom a kernel runs with: workgroups of one launch are of one size, which products choose, and what ends a sum can have any. */
type Company = 'products' | 'others' | 'either' | 'none'

/** What counts of a kernel for who may run with it. */
type Member = { readonly company: Company; readonly bound: ReadonlySet<string> }

const keepCompany = (a: Company, b: Company): boolean =>
  a !== 'none' && b !== 'none' && (a === b || a === 'either' || b === 'either')

const together = (a: Member, b: Member): Member => ({
  company: a.company === 'either' ? b.company : a.company,
  bound: new Set([...a.bound, ...b.bound])
})

/** Of each kernel those that wait for it: that read or overwrite what it writes, or overwrite what it reads. */
const followersOf = (uses: ReadonlyArray<Uses>): ReadonlyArray<ReadonlySet<number>> => {
  const followers = uses.map(() => new Set<number>())
  const users = { writers: new Map<number, Array<number>>(), readers: new Map<number, Array<number>>() }
  const wait = (late: number, early: ReadonlyArray<number> = []): void =>
    early.forEach((k) => {
      if (k !== late) followers[k].add(late)
    })
  const note = (map: Map<number, Array<number>>, buffer: number, k: number): void => {
    const known = map.get(buffer)
    if (known === undefined) map.set(buffer, [k])
    else known.push(k)
  }
  uses.forEach(({ reads, writes }, k) => {
    reads.forEach((buffer) => wait(k, users.writers.get(buffer)))
    writes.forEach((buffer) => {
      wait(k, users.writers.get(buffer))
      wait(k, users.readers.get(buffer))
    })
    reads.forEach((buffer) => note(users.readers, buffer, k))
    writes.forEach((buffer) => note(users.writers, buffer, k))
  })
  return followers
}

/** How many kernels there are from each to the end, one after the other, at most. */
const heightsOf = (followers: ReadonlyArray<ReadonlySet<number>>): ReadonlyArray<number> => {
  const heights = followers.map(() => 1)
  for (let k = followers.length - 1; k >= 0; k--)
    followers[k].forEach((late) => (heights[k] = Math.max(heights[k], heights[late] + 1)))
  return heights
}

/** The first of some kernels, and those after it that have room in its launch. */
const launchOf = (
  [first, ...others]: ReadonlyArray<number>,
  members: ReadonlyArray<Member>,
  { joined, loops: { kernelBuffers } }: Pick<GpuLimits, 'joined' | 'loops'>
): ReadonlyArray<number> => {
  const launch = [first]
  let all = members[first]
  for (const k of others) {
    if (launch.length >= joined) break
    if (!keepCompany(all.company, members[k].company)) continue
    const both = together(all, members[k])
    if (both.bound.size > kernelBuffers) continue
    launch.push(k)
    all = both
  }
  return launch
}

/**
 * The numbers of kernels that run at once, in an order in which they can: as it is where each is to be alone.
 *
 * `boundBy` tells what a kernel binds, as keys of which kernels in one launch may have some together; `isOurs` whether a product is carried
 * out by a shader of ours.
 */
export const joint = (
  kernels: ReadonlyArray<GpuKernel>,
  limits: Pick<GpuLimits, 'joined' | 'loops'>,
  boundBy: (kernel: GpuKernel) => ReadonlySet<string>,
  isOurs: (product: GpuProduct) => boolean,
  farthest = usualFarthest
): ReadonlyArray<ReadonlyArray<number>> => {
  if (limits.joined === 1) return kernels.map((_, k) => [k])
  const companyOf = (kernel: GpuKernel): Company => {
    if (kernel._tag === 'contraction') return isOurs(kernel) ? 'products' : 'none'
    return kernel._tag === 'finish' && kernel.lanes === 1 ? 'either' : 'others'
  }
  const members = kernels.map((kernel): Member => ({ company: companyOf(kernel), bound: boundBy(kernel) }))
  const followers = followersOf(kernels.map(usesOf))
  const heights = heightsOf(followers)
  const waits = kernels.map(() => 0)
  followers.forEach((late) => late.forEach((k) => waits[k]++))
  const left = new Set(kernels.keys())
  const ready = new Set([...left].filter((k) => waits[k] === 0))
  const launches: Array<ReadonlyArray<number>> = []
  while (left.size > 0) {
    const [earliest] = left
    const next = [...ready].filter((k) => k < earliest + farthest).sort((a, b) => heights[b] - heights[a] || b - a)
    const launch = launchOf(next, members, limits)
    launch.forEach((k) => {
      left.delete(k)
      ready.delete(k)
    })
    launch.forEach((k) => followers[k].forEach((late) => --waits[late] === 0 && ready.add(late)))
    launches.push(launch)
  }
  return launches
}
