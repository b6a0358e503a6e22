/**
 * Which places are taken at which times, for asking where there is room during a span of time.
 *
 * A segment tree over time. A node keeps the places that are taken during all of its span by whoever is there so long, and
 * those that are taken at some time of it: as runs, which are few where places lie close together, however many they are. So asking
 * takes some multiple of the logarithm of the times, not of the number of those who have a place.
 */

/** Disjoint runs of places in ascending order, none touching the next: starts and ends. */
type Intervals = { readonly starts: Array<number>; readonly ends: Array<number> }

const noRuns = (): Intervals => ({ starts: [], ends: [] })

/** The number of the first run that ends after a place. */
const firstAfter = ({ ends }: Intervals, place: number): number => {
  let [lo, hi] = [0, ends.length]
  while (lo < hi) {
    const middle = (lo + hi) >> 1
    if (ends[middle] > place) hi = middle
    else lo = middle + 1
  }
  return lo
}

const include = (runs: Intervals, start: number, end: number): void => {
  const { starts, ends } = runs
  // From the first run that ends at `start` or later to the last that begins at `end` or sooner.
  let at = firstAfter(runs, start - 1)
  let after = at
  while (after < starts.length && starts[after] <= end) after++
  if (after === at) {
    starts.splice(at, 0, start)
    ends.splice(at, 0, end)
    return
  }
  starts[at] = Math.min(start, starts[at])
  ends[at] = Math.max(end, ends[after - 1])
  at++
  starts.splice(at, after - at)
  ends.splice(at, after - at)
}

/** `isFree` where it is a gap, and not only that there is none below. */
type Floor = { readonly place: number; readonly isFree: boolean }

export type Occupancy = {
  /** The lowest place from which on `size` places are free at all times from `from` to `to`; one of them where that is long to find. */
  readonly lowestGap: (from: number, to: number, size: number) => number
  readonly occupy: (from: number, to: number, start: number, end: number) => void
}

/**
 * After so many looks a search for a gap is given up, and the place behind all that is taken is as good: that costs memory at most, and
 * only in vast programs, whose thousands of runs seldom have a gap in common.
 */
export const mostLooks = 1024

/** All places free at times `0 .. times - 1`. `looked` is told of each look for a run; a search has at most `most` of them. */
export const occupancy = (times: number, looked: () => void, most = mostLooks): Occupancy => {
  let leaves = 1
  while (leaves < times) leaves *= 2
  /** By node, the root being 1 and the children of `n` being `2 n` and `2 n + 1`. */
  const always: Array<Intervals | undefined> = []
  const sometimes: Array<Intervals | undefined> = []

  /** The nodes whose spans make up the given one. */
  const parts = (from: number, to: number): ReadonlyArray<number> => {
    const nodes: Array<number> = []
    for (let lo = from + leaves, hi = to + leaves + 1; lo < hi; lo >>= 1, hi >>= 1) {
      if (lo & 1) nodes.push(lo++)
      if (hi & 1) nodes.push(--hi)
    }
    return nodes
  }

  /** The given nodes and all above them, each once, from the root down. */
  const upwards = (nodes: ReadonlyArray<number>): ReadonlyArray<number> => {
    const all = new Set<number>()
    for (const node of nodes) for (let n = node; n >= 1 && !all.has(n); n >>= 1) all.add(n)
    return [...all].sort((a, b) => a - b)
  }

  const add = (table: Array<Intervals | undefined>, node: number, start: number, end: number): void =>
    include((table[node] ??= noRuns()), start, end)

  /** The lowest place from `start` on with so many free ones in all lists of runs, or one below which there is none. */
  const floorFrom = (start: number, taken: ReadonlyArray<Intervals>, size: number): Floor => {
    let place = start
    let looks = 0
    // Over once no list has moved the place since each of them was last asked.
    for (let at = 0, unmoved = 0; unmoved < taken.length; at = (at + 1) % taken.length, unmoved++) {
      if (looks++ >= most) return { place, isFree: false }
      looked()
      const runs = taken[at]
      const run = firstAfter(runs, place)
      if (run < runs.ends.length && runs.starts[run] < place + size) {
        place = runs.ends[run]
        unmoved = -1
      }
    }
    return { place, isFree: true }
  }

  const gapFrom = (start: number, taken: ReadonlyArray<Intervals>, size: number): number => {
    const { place, isFree } = floorFrom(start, taken, size)
    return isFree ? place : taken.reduce((end, { ends }) => Math.max(end, ends[ends.length - 1]), place)
  }

  const present = (
    nodes: ReadonlyArray<number>,
    table: ReadonlyArray<Intervals | undefined>
  ): ReadonlyArray<Intervals> => nodes.flatMap((node) => table[node] ?? [])

  // Places are only ever taken: below what was found for a node, nothing of that size is free there any more.
  let sizeOfFloors = -1
  let floors = new Map<number, number>()
  let alwaysFloors = new Map<number, number>()

  /** For each of some nodes and all above them, from the root down, the lowest gap beside what is there during all of its span. */
  const raiseAlwaysFloors = (path: ReadonlyArray<number>, size: number): void => {
    const taken = new Map<number, ReadonlyArray<Intervals>>()
    for (const n of path) {
      const above = taken.get(n >> 1) ?? []
      const own = always[n]
      const all = own === undefined ? above : [...above, own]
      taken.set(n, all)
      const known = Math.max(alwaysFloors.get(n) ?? 0, alwaysFloors.get(n >> 1) ?? 0)
      alwaysFloors.set(n, own === undefined ? known : floorFrom(known, all, size).place)
    }
  }

  return {
    lowestGap: (from, to, size) => {
      if (size !== sizeOfFloors) {
        sizeOfFloors = size
        floors = new Map()
        alwaysFloors = new Map()
      }
      const nodes = parts(from, to)
      const path = upwards(nodes)
      raiseAlwaysFloors(path, size)
      const floorOf = (node: number): number => {
        const lower = Math.max(floors.get(node) ?? 0, alwaysFloors.get(node) ?? 0)
        const floor = floorFrom(lower, present([node], sometimes), size).place
        floors.set(node, floor)
        return floor
      }
      const lowest = nodes.reduce((most, node) => Math.max(most, floorOf(node)), 0)
      const inside = new Set(nodes)
      const above = path.filter((node) => !inside.has(node))
      return gapFrom(lowest, [...present(above, always), ...present(nodes, sometimes)], size)
    },
    occupy: (from, to, start, end) => {
      if (start === end) return
      const nodes = parts(from, to)
      for (const node of nodes) add(always, node, start, end)
      for (const node of upwards(nodes)) add(sometimes, node, start, end)
    }
  }
}
