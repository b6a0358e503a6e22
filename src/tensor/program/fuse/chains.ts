/**
 * Chains of kernels: for each kernel one that must have run before it, the latest, and so on to a first.
 *
 * Whether one kernel stands on the chain of another is known in a few jumps, however far apart they are: pointers to the kernel before, and
 * to one further away, as in skew-binary lists (Myers, "An applicative random-access stack", 1983).
 */

export type Chains = {
  /** Enters the next kernel, by the number that it has: 0, 1, 2. `isWall` says that it stays what it is. */
  readonly add: (before: number | undefined, isWall: boolean) => void
  /** The latest kernel on the chain of `kernel`, before it, that is no later than `latest`. */
  readonly climb: (kernel: number, latest: number) => number | undefined
  /** Whether a wall stands between a kernel and one on its chain. */
  readonly hasWallBetween: (above: number, kernel: number) => boolean
}

const none = -1

export const chains = (): Chains => {
  const parent: Array<number> = []
  const jump: Array<number> = []
  const depth: Array<number> = []
  /** How many walls there are on the chain, the kernel itself included. */
  const walls: Array<number> = []

  return {
    add: (before, isWall) => {
      const kernel = parent.length
      const p = before ?? none
      parent.push(p)
      depth.push(p === none ? 0 : depth[p] + 1)
      walls.push((p === none ? 0 : walls[p]) + (isWall ? 1 : 0))
      const j = p === none ? kernel : jump[p]
      // Two jumps of one length become one of twice that and one.
      jump.push(p === none ? kernel : depth[p] - depth[j] === depth[j] - depth[jump[j]] ? jump[j] : p)
    },
    climb: (kernel, latest) => {
      let at = parent[kernel]
      // The first of a chain jumps to itself.
      while (at > latest) at = jump[at] > latest && jump[at] < at ? jump[at] : parent[at]
      return at === none ? undefined : at
    },
    hasWallBetween: (above, kernel) => {
      const p = parent[kernel]
      return p !== none && walls[p] > walls[above]
    }
  }
}
